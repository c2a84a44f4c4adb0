//! Values that look random and are the same on every machine.

/// The SplitMix64 generator (Steele et al., 2014).
pub struct Values(u64);

impl Values {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `low..high`; 24 bits, so that every value is a float32.
    pub fn uniform(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * ((self.next() >> 40) as f32 / (1u64 << 24) as f32)
    }

    pub fn vector(&mut self, len: usize, low: f32, high: f32) -> Vec<f32> {
        (0..len).map(|_| self.uniform(low, high)).collect()
    }

    /// Uniform in ±high, but no nearer to zero than `gap`: for functions with a kink there.
    pub fn away_from_zero(&mut self, len: usize, gap: f32, high: f32) -> Vec<f32> {
        let signed = |x: f32| if x < 0.0 { x - gap } else { x + gap };
        let values = self.vector(len, gap - high, high - gap);
        values.into_iter().map(signed).collect()
    }

    /// 0, `gap`, 2 `gap`... in random order, centred on zero: for functions with a kink where two values meet.
    pub fn far_apart(&mut self, len: usize, gap: f32) -> Vec<f32> {
        let mut values: Vec<_> = (0..len).map(|i| gap * (i as f32 - len as f32 / 2.0)).collect();
        for last in (1..len).rev() {
            values.swap(last, (self.next() % (last as u64 + 1)) as usize);
        }
        values
    }
}
