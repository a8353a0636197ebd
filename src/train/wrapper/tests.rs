use burn::tensor::Device;

use super::*;
use crate::train::Backend;

/// An experiment with these keys; only its wrapper and its pruning matter here.
fn experiment(keys: &str) -> Experiment {
    let text = format!("[data]\ndataset = \"glyphs\"\n[network]\nname = \"f2\"\n{keys}");
    Experiment::parse(&text, "test.toml", &[]).expect("valid")
}

/// Two inputs, three hidden units, two classes: weights and biases of both layers.
fn network() -> Network {
    use crate::model::Layer;
    Network::new(&[Layer::Flatten, Layer::dense(3), Layer::dense(2)], [1, 1, 2], 2).expect("fits")
}

/// Distinct values for every parameter.
fn initial() -> Vec<Vec<f32>> {
    let parameters = network().parameters().to_vec();
    let values = |(index, elements): (usize, usize)| {
        (0..elements).map(|i| (index + 1) as f32 + (i + 1) as f32 * 0.125).collect()
    };
    parameters.iter().map(|p| p.elements()).enumerate().map(values).collect()
}

struct Wrapped {
    experiment: Experiment,
    wrapper: Box<dyn Wrapper>,
    learner: Learner,
    control: Control,
}

fn wrapped(keys: &str) -> Wrapped {
    let experiment = experiment(keys);
    let control = Control::new(&experiment);
    let Start { wrapper, weights } =
        wrapper(&experiment, &network(), initial(), &control).expect("finite values");
    let device = (Backend::Flex, Device::flex());
    let learner = Learner::new(network(), weights, &experiment.optimizer, device);
    Wrapped { experiment, wrapper, learner, control }
}

impl Wrapped {
    fn values(&self) -> Vec<Vec<f32>> {
        (0..4).map(|index| self.learner.values(index)).collect()
    }

    /// Returns these values of all parameters after a sync.
    fn sync(&mut self, values: &[Vec<f32>]) -> Result<Option<EventKind>, NotFinite> {
        for (index, values) in values.iter().enumerate() {
            self.learner.set_values(index, values.clone());
        }
        self.wrapper.sync(1, &mut self.learner)
    }

    /// Another wrapper of the same experiment, restored from what this one saves.
    fn restored(&self) -> Result<Wrapped, Misfit> {
        let mut arrays = Arrays::default();
        self.wrapper.save(&network(), &mut arrays);
        let Start { wrapper: mut other, .. } =
            wrapper(&self.experiment, &network(), initial(), &self.control).expect("as before");
        other.restore(&network(), &mut arrays)?;
        let (experiment, learner) = (self.experiment.clone(), self.learner.clone());
        Ok(Wrapped { experiment, wrapper: other, learner, control: self.control.clone() })
    }
}

#[test]
fn without_a_wrapper_nothing_happens_but_pruning_at_the_start() {
    let mut alone = wrapped("[wrapper]\nname = \"none\"\n");
    assert!(!alone.wrapper.syncs() && !alone.wrapper.permutes());
    assert_eq!(alone.values(), initial());
    assert_eq!(alone.sync(&initial()), Ok(None));
    assert!(alone.wrapper.layer(0).is_none() && alone.wrapper.synced(&alone.learner).is_empty());
    let pruned = wrapped("[wrapper]\nname = \"none\"\n[prune]\nratio = 0.9\ninput_cap = 0.9\n");
    let zeros = pruned.values()[0].iter().filter(|&&value| value == 0.0).count();
    assert!(zeros > 0 && pruned.values()[1] == initial()[1], "{:?}", pruned.values());
}

#[test]
fn lookahead_moves_every_parameter_a_part_of_the_way() {
    let keys = "[wrapper]\nname = \"lookahead\"\nalpha = 0.25\n";
    let mut lookahead = wrapped(keys);
    let plus = |amount: f32| -> Vec<Vec<f32>> {
        let values = initial().into_iter();
        values.map(|values| values.iter().map(|value| value + amount).collect()).collect()
    };
    assert_eq!(lookahead.sync(&plus(4.0)), Ok(Some(EventKind::Lookahead { sync: 1 })));
    assert_eq!(lookahead.values(), plus(1.0));
    // From φ + 1 a quarter of the way to φ + 9, by the original and by one restored from it.
    let mut restored = lookahead.restored().expect("fits");
    for mut lookahead in [lookahead, restored.restored().expect("fits")] {
        lookahead.sync(&plus(9.0)).expect("finite");
        assert_eq!(lookahead.values(), plus(3.0));
    }
    let mut odd = initial();
    odd[2][1] = f32::NAN;
    let error = restored.sync(&odd).expect_err("not a number");
    assert_eq!(error.parameter, "dense2.weight");
    // Nothing was synchronized: θ did not move, and neither did φ.
    assert_eq!(restored.values()[0], initial()[0]);
    restored.sync(&plus(9.0)).expect("finite");
    assert_eq!(restored.values(), plus(3.0));
}

#[test]
fn laperm_permutes_the_initial_weights_by_the_ranking_of_the_trained() {
    let mut laperm = wrapped("[wrapper]\nname = \"laperm\"\n");
    assert!(laperm.wrapper.syncs() && laperm.wrapper.permutes());
    let mut trained = initial();
    // Three vectors of two weights: the first is turned around.
    trained[0] = vec![9.0, -9.0, 0.25, 0.5, -2.0, -1.0];
    let expected = [vec![1.25, 1.125, 1.375, 1.5, 1.625, 1.75], trained[1].clone()];
    for (index, values) in trained.iter().enumerate() {
        laperm.learner.set_values(index, values.clone());
    }
    let synced = laperm.wrapper.synced(&laperm.learner);
    assert_eq!(synced[0], (0, expected[0].clone()));
    assert_eq!(laperm.values(), trained, "only what a sync would do");
    let Ok(Some(EventKind::Sync { sync, layers, layer_milliseconds, .. })) = laperm.sync(&trained)
    else {
        panic!("a sync")
    };
    assert_eq!((sync, layers.len(), layer_milliseconds.len()), (1, 2, 2));
    assert_eq!((layers[0].layer, layers[0].zeros), (0, 0));
    assert!((layers[0].moved - 2.0 / 6.0).abs() < 1e-6 && layers[1].moved == 0.0, "{layers:?}");
    assert_eq!(laperm.values()[..2], expected);
    let (_, ranks) = laperm.wrapper.layer(0).expect("permuted");
    assert_eq!(ranks, [1, 0, 0, 1, 0, 1]);
    let restored = laperm.restored().expect("fits");
    assert_eq!(restored.wrapper.layer(0).expect("permuted").1, ranks);
}

#[test]
fn laperm_permutes_biases_only_if_asked() {
    let back = || initial().into_iter().map(|v| v.into_iter().rev().collect()).collect::<Vec<_>>();
    let mut without = wrapped("");
    without.sync(&back()).expect("finite");
    assert_eq!(without.values()[1], back()[1]);
    let mut with = wrapped("[wrapper]\nbiases = true\n");
    with.sync(&back()).expect("finite");
    let mut values = with.values()[1].clone();
    assert_eq!(values, back()[1], "the initial values, in the order of the trained ones");
    values.sort_by(f32::total_cmp);
    assert_eq!(values, initial()[1]);
}

#[test]
fn laperm_prunes_when_the_schedule_does() {
    let mut laperm = wrapped("[prune]\nratio = [[0, 0.0], [1, 0.9]]\ninput_cap = 0.9\n");
    let at = |laperm: &mut Wrapped, epoch| {
        let schedule = laperm.control.at(epoch);
        laperm.wrapper.prune(&network(), &laperm.control, &schedule)
    };
    assert!(!at(&mut laperm, 0));
    assert!(at(&mut laperm, 1) && !at(&mut laperm, 1));
    laperm.sync(&initial()).expect("finite");
    assert!(laperm.values()[0].contains(&0.0) && !laperm.values()[1].contains(&0.0));
    assert!(at(&mut laperm, 0));
    laperm.sync(&initial()).expect("finite");
    assert_eq!(laperm.values(), initial());
}

#[test]
fn laperm_names_what_is_not_finite_and_is_ranked_again() {
    let mut laperm = wrapped("");
    let mut odd = initial();
    odd[0] = vec![2.0, 1.0, 0.0, 1.0, 0.0, 1.0];
    odd[2][0] = f32::INFINITY;
    let error = laperm.sync(&odd).expect_err("infinite");
    assert_eq!(error.parameter, "dense2.weight");
    // The trainer goes back to the weights after the previous sync, and has them ranked.
    laperm.learner.set_values(0, initial()[0].clone());
    laperm.learner.set_values(2, initial()[2].clone());
    laperm.wrapper.rank(&laperm.learner);
    let (_, ranks) = laperm.wrapper.layer(0).expect("permuted");
    assert_eq!(ranks, [0, 1, 0, 1, 0, 1]);
}

#[test]
fn what_a_wrapper_cannot_start_from_is_named() {
    let refused = |experiment: &Experiment, initial: Vec<Vec<f32>>| {
        let control = Control::new(experiment);
        wrapper(experiment, &network(), initial, &control).err().map(|error| error.to_string())
    };
    let mut lookahead = experiment("[wrapper]\nname = \"lookahead\"\n");
    // The check of the experiment refuses this; 1e-50 is 0 as a 32-bit float.
    lookahead.wrapper.alpha = 1e-50;
    let error = refused(&lookahead, initial()).expect("no step size");
    assert!(error.contains("wrapper.alpha") && error.contains("above 0"), "{error}");
    let mut odd = initial();
    odd[2][1] = f32::NAN;
    for name in ["none", "lookahead", "laperm"] {
        let experiment = experiment(&format!("[wrapper]\nname = \"{name}\"\n"));
        let error = refused(&experiment, odd.clone()).expect("not a number");
        assert!(error.contains("`dense2.weight`") && error.contains("NaN"), "{error}");
    }
}

#[test]
fn what_a_checkpoint_has_of_a_wrapper_must_fit() {
    for (keys, name) in [("[wrapper]\nname = \"lookahead\"\n", "slow/"), ("", "ranks/")] {
        let mut wrapped = wrapped(keys);
        let error = wrapped.wrapper.restore(&network(), &mut Arrays::default());
        let error = error.expect_err("nothing is there").to_string();
        assert!(error.contains(&format!("`{name}dense1.weight` is missing")), "{error}");
    }
}
