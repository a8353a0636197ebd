//! Every compiled backend reaches about the same accuracy with F1.

use std::process::Command;

/// Best test accuracy of F1 on generated digits after three epochs. Backends differ only in the
/// order of floating-point sums.
fn best_accuracy(backend: &str) -> f64 {
    let runs = tempfile::tempdir().expect("a folder");
    let output = Command::new(env!("CARGO_BIN_EXE_laperm"))
        .args(["run", "experiments/fig09-f1.toml", "--headless", "--json"])
        .args(["--backend", backend, "--epochs", "3", "--runs"])
        .arg(runs.path())
        .args(["--set", "data.dataset=glyphs", "--set", "wrapper.k=100"])
        .args(["--set", "data.glyphs.train_examples=10000"])
        .args(["--set", "data.glyphs.test_examples=2000"])
        .output()
        .expect("the program starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{backend}: {error}");
    let summary: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(summary["syncs"], 2, "{backend}: {summary}");
    summary["best_test_accuracy"].as_f64().expect("an accuracy")
}

#[test]
fn every_backend_trains_into_the_same_band() {
    let mut backends = vec!["flex", "ndarray"];
    backends.extend(cfg!(feature = "tch").then_some("tch"));
    backends.extend(cfg!(feature = "wgpu").then_some("wgpu"));
    let accuracies: Vec<(&str, f64)> =
        backends.into_iter().map(|b| (b, best_accuracy(b))).collect();
    eprintln!("{accuracies:?}");
    let reference = accuracies[0].1;
    // Far better than chance, and no backend apart from the others.
    assert!(reference > 0.2, "{accuracies:?}");
    for (backend, accuracy) in &accuracies {
        assert!((accuracy - reference).abs() < 0.05, "{backend} is apart: {accuracies:?}");
    }
}
