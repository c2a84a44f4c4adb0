//! Numbers as people read them.

use indicatif::HumanCount;

/// Digits in groups of three: `1,066,560`.
pub fn grouped(number: u64) -> String {
    HumanCount(number).to_string()
}

/// Bytes in units of thousands, to one decimal: `538.2 MB`.
pub fn bytes(number: u64) -> String {
    let units = [(1_000_000, "MB"), (1_000, "kB")];
    match units.into_iter().find(|&(size, _)| number >= size) {
        Some((size, unit)) => format!("{:.1} {unit}", number as f64 / size as f64),
        None => format!("{number} B"),
    }
}

/// Billions, to two decimals: `2.36`.
pub fn giga(number: u64) -> String {
    format!("{:.2}", number as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_from_the_right() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_066_560), "1,066,560");
        assert_eq!(grouped(200_704), "200,704");
    }

    #[test]
    fn bytes_take_the_unit_that_fits() {
        assert_eq!(bytes(40), "40 B");
        assert_eq!(bytes(12_800), "12.8 kB");
        assert_eq!(bytes(538_240_000), "538.2 MB");
        assert_eq!(bytes(1_003_520_000), "1003.5 MB");
    }
}
