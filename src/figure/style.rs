//! The looks of curves: a palette that is safe for colour-blind readers, with dashes and symbols
//! that distinguish curves without colour.

use super::canvas::{Colour, Marker};

/// The look of a curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Look {
    pub colour: Colour,
    /// The dashes, in SVG's syntax.
    pub dash: &'static str,
    /// The symbol along the curve.
    pub marker: Marker,
}

/// The palette of Okabe and Ito, without yellow, which is too pale on paper.
const COLOURS: [Colour; 7] = [
    Colour(0x00, 0x72, 0xb2),
    Colour(0xd5, 0x5e, 0x00),
    Colour(0x00, 0x9e, 0x73),
    Colour(0xcc, 0x79, 0xa7),
    Colour(0x00, 0x00, 0x00),
    Colour(0x56, 0xb4, 0xe9),
    Colour(0xe6, 0x9f, 0x00),
];

const DASHES: [&str; 5] = ["", "4.5 1.5", "1.2 1.2", "5 1.5 1.2 1.5", "2.5 1.2"];

const MARKERS: [Marker; 7] = [
    Marker::Disc,
    Marker::Square,
    Marker::Triangle,
    Marker::Diamond,
    Marker::Ring,
    Marker::Wedge,
    Marker::Cross,
];

/// Returns the look of curve `index`. The first 35 all differ.
pub(super) fn look(index: usize) -> Look {
    Look {
        colour: COLOURS[index % COLOURS.len()],
        dash: DASHES[index % DASHES.len()],
        marker: MARKERS[index % MARKERS.len()],
    }
}

/// Returns the look of curve `index` of `count` ordered ones, from dark to light along the colour
/// map viridis without its palest end.
pub(super) fn ordered(index: usize, count: usize) -> Look {
    const STOPS: [Colour; 5] = [
        Colour(0x44, 0x01, 0x54),
        Colour(0x3e, 0x4c, 0x8a),
        Colour(0x25, 0x84, 0x8e),
        Colour(0x3c, 0xb4, 0x75),
        Colour(0xb0, 0xc4, 0x20),
    ];
    let position = index as f64 / count.saturating_sub(1).max(1) as f64 * (STOPS.len() - 1) as f64;
    let stop = (position as usize).min(STOPS.len() - 2);
    let colour = mixed(STOPS[stop], STOPS[stop + 1], position - stop as f64);
    Look { colour, ..look(index) }
}

/// Returns the colour of cycle `index`.
pub(super) fn cycle(index: usize) -> Colour {
    COLOURS[index % COLOURS.len()]
}

/// Mixes two colours: 0 is the first and 1 the second.
pub(super) fn mixed(from: Colour, to: Colour, share: f64) -> Colour {
    let share = share.clamp(0.0, 1.0);
    let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * share).round() as u8;
    Colour(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_of_many_curves_look_the_same() {
        let looks: Vec<Look> = (0..35).map(look).collect();
        for (index, look) in looks.iter().enumerate() {
            assert!(!looks[..index].contains(look), "{index}");
            let before = looks[..index].last().map(|before| (before.dash, before.marker));
            assert_ne!(before, Some((look.dash, look.marker)), "without colour: {index}");
        }
    }

    #[test]
    fn an_order_goes_from_dark_to_light() {
        let light = |look: Look| u32::from(look.colour.1);
        let greens: Vec<u32> = (0..10).map(|index| light(ordered(index, 10))).collect();
        assert!(greens.is_sorted(), "{greens:?}");
        assert_eq!(ordered(0, 1).colour, ordered(0, 9).colour);
    }
}
