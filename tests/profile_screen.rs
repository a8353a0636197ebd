//! The screen of a file's weight matrices, in the real program.

mod support;

use std::fs;

use support::Workplace;
use support::pty::Pty;

/// Name, shape, and the weight at every index.
type Matrix = (&'static str, [usize; 2], fn(usize) -> f32);

/// Writes a .safetensors file of matrices.
fn write(workplace: &Workplace, name: &str, matrices: &[Matrix]) {
    let mut header = serde_json::Map::new();
    let mut bytes: Vec<u8> = Vec::new();
    for (name, shape, weight) in matrices {
        let begin = bytes.len();
        (0..shape[0] * shape[1]).for_each(|i| bytes.extend(weight(i).to_le_bytes()));
        let tensor = serde_json::json!({
            "dtype": "F32", "shape": shape, "data_offsets": [begin, bytes.len()],
        });
        header.insert((*name).to_owned(), tensor);
    }
    let header = serde_json::Value::Object(header).to_string();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(bytes);
    fs::write(workplace.path().join(name), file).unwrap();
}

/// Ten weights in each vector. Every other vector has ten times the spread, so that the profiles
/// differ.
fn unlike(i: usize) -> f32 {
    let wide = if (i / 10).is_multiple_of(2) { 10.0 } else { 1.0 };
    (i % 10) as f32 * wide
}

fn alike(i: usize) -> f32 {
    (i % 10) as f32
}

fn zero(_: usize) -> f32 {
    0.0
}

#[test]
fn a_file_is_walked_sorted_filtered_and_zoomed() {
    let workplace = Workplace::new();
    let matrices: [Matrix; 3] =
        [("a.weight", [6, 10], alike), ("b.weight", [4, 10], unlike), ("c.pruned", [2, 10], zero)];
    write(&workplace, "net.safetensors", &matrices);
    for size in [(80, 24), (200, 60)] {
        let mut pty = Pty::start(&workplace, &["profile", "net.safetensors"], size);
        let screen = pty.wait_until("all is read", |screen| screen.contains("3 matrices"));
        for part in ["net.safetensors", "120 weights", "a.weight · SoWP 0", "6x10", "100 %"] {
            assert!(screen.contains(part), "`{part}` is not in\n{screen}");
        }
        // The least alike first.
        pty.keys("Sg");
        pty.wait_for("b.weight · SoWP");
        pty.keys("j");
        pty.wait_for("a.weight · SoWP 0");
        pty.keys("/pruned\r");
        pty.wait_for("c.pruned · SoWP 0");
        pty.keys("\x1b");
        pty.wait_without("filter:");
        pty.keys("2zl");
        pty.wait_for("rank 5");
        pty.wait_without("Weight matrices");
        pty.keys("?");
        pty.wait_for("sort by the next column");
        pty.keys("x");
        pty.wait_without("sort by the next column");
        pty.keys("q");
        assert_eq!(pty.wait_for_end(), 0);
        pty.assert_restored();
    }
}

#[test]
fn a_file_that_cannot_be_read_never_takes_the_screen() {
    let workplace = Workplace::new();
    write(&workplace, "net.safetensors", &[("a.weight", [2, 10], alike)]);
    let path = workplace.path().join("net.safetensors");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 4]).unwrap();
    let mut pty = Pty::start(&workplace, &["profile", "net.safetensors"], (80, 24));
    assert_eq!(pty.wait_for_end(), 2);
    assert!(pty.text().contains("error: net.safetensors"), "{}", pty.text());
    pty.assert_restored();
}
