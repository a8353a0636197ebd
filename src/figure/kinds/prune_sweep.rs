//! Accuracy against the pruning ratio p (figure 8).

use crate::figure::accuracy::require;
use crate::figure::canvas::Canvas;
use crate::figure::error::FigureError;
use crate::figure::kind::{Kind, Picture};
use crate::figure::layout::COLUMN;
use crate::figure::options::Options;
use crate::figure::plot::Axis;
use crate::figure::scale::Scale;
use crate::figure::source::Source;
use crate::figure::sweep::{against, distinct};

pub(super) const KIND: Kind = Kind {
    name: "prune-sweep",
    about: "accuracy against the pruning ratio p (figure 8)",
    is_of_one_layer: false,
    prepare,
};

fn prepare<'a>(sources: &'a [Source], _: &'a Options) -> Result<Picture<'a>, FigureError> {
    require(sources)?;
    let ratio = |source: &Source| source.state.schedule.p * 100.0;
    let values = distinct(sources.iter().map(ratio));
    if let [value] = values.as_slice() {
        let value = format!("{value} %");
        return Err(FigureError::Same { kind: "prune-sweep", quantity: "p", value });
    }
    let axis =
        Axis::of_values("pruned weights p (%)", Scale::around(0.0, values[values.len() - 1]), 6);
    let plot = against(sources, &["prune.ratio"], |source| Some(ratio(source)), axis);
    let draw = Box::new(move |area, canvas: &mut Canvas| {
        plot.draw(area, canvas);
    });
    Ok(Picture { size: (COLUMN, 64.0), draw })
}
