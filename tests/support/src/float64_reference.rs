//! The layers in float64, written from their definitions, to hold TensorFlow's float32 against.

/// An array in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

impl Array {
    pub fn new(shape: &[usize], values: Vec<f64>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), values.len());
        let shape = shape.to_vec();
        Self { shape, values }
    }

    pub fn from_f32(shape: &[usize], values: &[f32]) -> Self {
        Self::new(shape, values.iter().map(|&x| x.into()).collect())
    }

    pub fn scalar(value: f64) -> Self {
        Self::new(&[], vec![value])
    }

    pub fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self::new(&self.shape, self.values.iter().map(|&x| f(x)).collect())
    }

    pub fn times(&self, other: &[f64]) -> Self {
        assert_eq!(self.values.len(), other.len());
        Self::new(&self.shape, self.values.iter().zip(other).map(|(x, y)| x * y).collect())
    }

    /// Flattens all but the first axis.
    pub fn rows(&self) -> Self {
        let rows = self.shape[0];
        Self::new(&[rows, self.values.len() / rows], self.values.clone())
    }

    fn last(&self) -> usize {
        *self.shape.last().unwrap()
    }
}

/// Windows along an axis, and how much is padded before it. SAME: ceil(size / stride) windows, the padding split in
/// two, an odd rest behind.
fn windows(size: usize, kernel: usize, stride: usize, same: bool) -> (usize, usize) {
    if same {
        let windows = size.div_ceil(stride);
        (windows, ((windows - 1) * stride + kernel).saturating_sub(size) / 2)
    } else {
        ((size - kernel) / stride + 1, 0)
    }
}

/// [n, h, w, in] by a kernel [k, k, in, out], with a bias `[out]`.
pub fn conv2d(x: &Array, kernel: &Array, bias: &Array, stride: usize, same: bool) -> Array {
    let &[n, h, w, inputs] = &x.shape[..] else { panic!("rank") };
    let &[k, _, _, outputs] = &kernel.shape[..] else { panic!("rank") };
    let ((rows, above), (columns, left)) = (windows(h, k, stride, same), windows(w, k, stride, same));
    let mut y = Vec::with_capacity(n * rows * columns * outputs);
    for image in 0..n {
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            let at = y.len();
            y.extend_from_slice(&bias.values);
            let sums = &mut y[at..];
            for (i, j) in (0..k).flat_map(|i| (0..k).map(move |j| (i, j))) {
                let (Some(r), Some(c)) = (
                    (row * stride + i).checked_sub(above).filter(|&r| r < h),
                    (column * stride + j).checked_sub(left).filter(|&c| c < w),
                ) else {
                    continue;
                };
                let from = &x.values[((image * h + r) * w + c) * inputs..][..inputs];
                let taps = &kernel.values[(i * k + j) * inputs * outputs..][..inputs * outputs];
                add_product(sums, from, taps);
            }
        }
    }
    Array::new(&[n, rows, columns, outputs], y)
}

/// [n, in] by a kernel [in, out], with a bias `[out]`.
pub fn dense(x: &Array, kernel: &Array, bias: &Array) -> Array {
    let (n, inputs, outputs) = (x.shape[0], x.shape[1], kernel.shape[1]);
    let mut y = Vec::with_capacity(n * outputs);
    for row in x.values.chunks_exact(inputs) {
        let at = y.len();
        y.extend_from_slice(&bias.values);
        add_product(&mut y[at..], row, &kernel.values);
    }
    Array::new(&[n, outputs], y)
}

/// Adds a row vector times a matrix.
fn add_product(sums: &mut [f64], row: &[f64], matrix: &[f64]) {
    for (x, weights) in row.iter().zip(matrix.chunks_exact(sums.len())) {
        for (sum, weight) in sums.iter_mut().zip(weights) {
            *sum += x * weight;
        }
    }
}

/// The greatest of each window of `size` x `size`.
pub fn max_pool(x: &Array, size: usize, stride: usize, same: bool) -> Array {
    pool(x, size, stride, same, |window| window.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}

/// The mean of what lies in the image of each window of `size` x `size`.
pub fn average_pool(x: &Array, size: usize, stride: usize, same: bool) -> Array {
    pool(x, size, stride, same, |window| window.iter().sum::<f64>() / window.len() as f64)
}

fn pool(x: &Array, size: usize, stride: usize, same: bool, of: fn(&[f64]) -> f64) -> Array {
    let &[n, h, w, channels] = &x.shape[..] else { panic!("rank") };
    let ((rows, above), (columns, left)) = (windows(h, size, stride, same), windows(w, size, stride, same));
    let mut y = vec![0.0; n * rows * columns * channels];
    for (at, y) in y.iter_mut().enumerate() {
        let (channel, at) = (at % channels, at / channels);
        let (column, at) = (at % columns, at / columns);
        let (row, image) = (at % rows, at / rows);
        let mut window = Vec::new();
        for (i, j) in (0..size).flat_map(|i| (0..size).map(move |j| (i, j))) {
            let (r, c) = (row * stride + i, column * stride + j);
            if r >= above && r - above < h && c >= left && c - left < w {
                window.push(x.values[((image * h + r - above) * w + c - left) * channels + channel]);
            }
        }
        *y = of(&window);
    }
    Array::new(&[n, rows, columns, channels], y)
}

pub fn relu(x: f64) -> f64 {
    x.max(0.0)
}

/// Klambauer et al., "Self-normalizing neural networks" (2017), with the digits of their appendix.
pub fn selu(x: f64) -> f64 {
    const SCALE: f64 = 1.050_700_987_355_480_5;
    const ALPHA: f64 = 1.673_263_242_354_377_2;
    if x > 0.0 { SCALE * x } else { SCALE * ALPHA * x.exp_m1() }
}

/// Mean and population variance of each channel, over all axes but the last.
pub fn moments(x: &Array) -> (Vec<f64>, Vec<f64>) {
    let channels = x.last();
    let count = (x.values.len() / channels) as f64;
    let mean_of = |f: &dyn Fn(usize, f64) -> f64| {
        let mut sums = vec![0.0; channels];
        for row in x.values.chunks_exact(channels) {
            for (channel, &x) in row.iter().enumerate() {
                sums[channel] += f(channel, x);
            }
        }
        sums.iter_mut().for_each(|sum| *sum /= count);
        sums
    };
    let mean = mean_of(&|_, x| x);
    let variance = mean_of(&|channel, x| (x - mean[channel]).powi(2));
    (mean, variance)
}

/// gamma (x - mean) / sqrt(variance + epsilon) + beta in each channel.
pub fn normalize(
    x: &Array,
    (mean, variance): &(Vec<f64>, Vec<f64>),
    gamma: &[f64],
    beta: &[f64],
    epsilon: f64,
) -> Array {
    let channels = x.last();
    let values = x.values.iter().enumerate().map(|(at, x)| {
        let c = at % channels;
        gamma[c] * (x - mean[c]) / (variance[c] + epsilon).sqrt() + beta[c]
    });
    Array::new(&x.shape, values.collect())
}

/// Mean over the rows of `-log softmax(row)[label]`.
pub fn cross_entropy(logits: &Array, labels: &[i32]) -> f64 {
    let rows = logits.values.chunks_exact(logits.last()).zip(labels);
    let sum: f64 = rows
        .map(|(row, &label)| {
            let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let normalizer = row.iter().map(|x| (x - max).exp()).sum::<f64>().ln() + max;
            normalizer - row[label as usize]
        })
        .sum();
    sum / labels.len() as f64
}
