//! Numbers and text in a readable form.

/// Formats seconds as `1:02:03` or `2:03`; `-` for a negative or non-finite value.
pub(super) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "-".into();
    }
    let seconds = seconds as u64;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// Formats a value that is not negative with about three digits: `0.0123`, `9.5e-5`, `842`,
/// `12.3k`, `1.25M`.
pub(super) fn short(value: f64) -> String {
    match value {
        _ if !value.is_finite() => "-".into(),
        v if v >= 999_500.0 => format!("{}M", digits(v / 1e6)),
        v if v >= 9_999.5 => format!("{}k", digits(v / 1e3)),
        v if v == 0.0 || v >= 1e-3 => digits(v),
        v => format!("{v:.1e}").replace(".0e", "e"),
    }
}

/// Formats a value with at least three significant digits, without trailing zeros.
fn digits(value: f64) -> String {
    let decimals = match value {
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        v if v >= 0.9995 => 2,
        v if v >= 0.09995 => 3,
        v if v >= 0.009_995 => 4,
        _ => 5,
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}

/// Formats a share of 1 in percent: `98.61 %`; `-` for a non-finite value.
pub(super) fn percent(share: f64, decimals: usize) -> String {
    if share.is_finite() { format!("{:.decimals$} %", share * 100.0) } else { "-".into() }
}

/// Formats a pruning ratio in percent, with up to two decimals: `50 %`, `12.5 %`.
pub(super) fn ratio(p: f64) -> String {
    format!("{} %", (p * 1e4).round() / 100.0)
}

/// Formats a number of bytes: `812 B`, `3.24 kB`, `1.25 MB`.
pub(super) fn bytes(count: u64) -> String {
    match count as f64 {
        c if c >= 999.5e6 => format!("{} GB", digits(c / 1e9)),
        c if c >= 999.5e3 => format!("{} MB", digits(c / 1e6)),
        c if c >= 1e3 => format!("{} kB", digits(c / 1e3)),
        c => format!("{c} B"),
    }
}

/// Formats a count with separators: `1,234,567`.
pub(super) fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Breaks text into lines of at most `width` characters, between words if possible.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for (i, piece) in letters.chunks(width).enumerate() {
            let Some(line) = lines.last_mut() else { break };
            let used = line.chars().count();
            if i == 0 && used > 0 && used + 1 + piece.len() <= width {
                line.push(' ');
                line.extend(piece);
            } else if used == 0 {
                line.extend(piece);
            } else {
                lines.push(piece.iter().collect());
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapping() {
        assert_eq!(wrap("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrap("a abcdefgh b", 3), ["a", "abc", "def", "gh", "b"]);
        assert_eq!(wrap("", 3), [""]);
        assert_eq!(wrap("ab", 0), ["a", "b"]);
    }

    #[test]
    fn durations() {
        assert_eq!(duration(0.9), "0:00");
        assert_eq!(duration(754.0), "12:34");
        assert_eq!(duration(3723.4), "1:02:03");
        assert_eq!(duration(f64::INFINITY), "-");
    }

    #[test]
    fn short_numbers() {
        let cases = [
            (0.0, "0"),
            (0.001, "0.001"),
            (0.000_95, "9.5e-4"),
            (1e-5, "1e-5"),
            (0.0125, "0.0125"),
            (2.5, "2.5"),
            (842.4, "842"),
            (9_999.0, "9999"),
            (12_345.0, "12.3k"),
            (999_499.0, "999k"),
            (1_250_000.0, "1.25M"),
            (f64::NAN, "-"),
        ];
        for (value, text) in cases {
            assert_eq!(short(value), text);
        }
    }

    #[test]
    fn shares_and_counts() {
        assert_eq!(percent(0.986_12, 2), "98.61 %");
        assert_eq!(ratio(0.5), "50 %");
        assert_eq!(ratio(0.15 + 0.05), "20 %");
        assert_eq!(ratio(0.125), "12.5 %");
        assert_eq!(bytes(812), "812 B");
        assert_eq!(bytes(3_240), "3.24 kB");
        assert_eq!(bytes(999_600), "1 MB");
        assert_eq!(bytes(12_345_678_901), "12.3 GB");
        assert_eq!([grouped(7), grouped(1000), grouped(1_234_567)], ["7", "1,000", "1,234,567"]);
    }
}
