//! Chance that a seed repeats.

use fastrand::Rng;

/// Spreads a number over all 64 bits (SplitMix64's finish), so that neighbours share nothing.
pub(crate) fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// One number of several.
pub(crate) fn mix_all(parts: &[u64]) -> u64 {
    parts.iter().fold(0, |mixed, part| mix(mixed ^ *part))
}

/// A number in 0 to 1 that depends on nothing but `bits`.
pub(crate) fn fraction(bits: u64) -> f64 {
    (mix(bits) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Whether something of this chance happens.
pub(super) fn happens(rng: &mut Rng, chance: f64) -> bool {
    rng.f64() < chance
}

/// Whether something that happens so often a day happens within `seconds`.
pub(super) fn happens_within(rng: &mut Rng, per_day: f64, seconds: f64) -> bool {
    happens(rng, 1.0 - (-per_day * seconds / 86_400.0).exp())
}

/// Standard normal, by Box and Muller.
pub(super) fn normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.f64()).cos()
}

/// Around `median`; now and then much more.
pub(super) fn skewed(rng: &mut Rng, median: f64, spread: f64) -> f64 {
    median * (spread * normal(rng)).exp()
}

/// How long it takes until something happens that takes `mean` on average.
pub(super) fn waiting(rng: &mut Rng, mean: f64) -> f64 {
    -mean * (1.0 - rng.f64()).ln()
}

/// How often something happened that happens `mean` times on average.
pub(super) fn count(rng: &mut Rng, mean: f64) -> i64 {
    if mean > 30.0 {
        return (mean + mean.sqrt() * normal(rng)).round().max(0.0) as i64;
    }
    let (limit, mut product, mut count) = ((-mean).exp(), rng.f64(), 0);
    while product > limit {
        product *= rng.f64();
        count += 1;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_lies_around_what_was_asked_for() {
        let mut rng = Rng::with_seed(7);
        for mean in [0.2, 4.0, 80.0] {
            let drawn: i64 = (0..20_000).map(|_| count(&mut rng, mean)).sum();
            assert!((drawn as f64 / 20_000.0 / mean - 1.0).abs() < 0.05, "{mean}: {drawn}");
        }
        let waited: f64 = (0..20_000).map(|_| waiting(&mut rng, 30.0)).sum();
        assert!((waited / 20_000.0 / 30.0 - 1.0).abs() < 0.05);
        let days = (0..20_000).filter(|_| happens_within(&mut rng, 2.0, 4_320.0)).count();
        assert!((days as f64 / 20_000.0 - 0.095).abs() < 0.01, "{days}");
    }
}
