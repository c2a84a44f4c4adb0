//! What feeding costs: reading MNIST, cutting an epoch into batches, and making a batch's bytes floats.
//!
//! ```text
//! cargo bench
//! ```

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use tf_mnist::dataset::{BatchPlan, Order, load_default};
use tf_mnist::fetch::Silent;

const BATCH: usize = 100;
const CHUNK: usize = 1000;
const PIXELS: usize = 784;

fn feeding(criterion: &mut Criterion) {
    let mnist = load_default(&Silent).expect("MNIST is cached or can be fetched");
    let plan = BatchPlan::new(mnist.train.len(), BATCH, Order::Shuffled { seed: 1 }).expect("100 rows fit");

    criterion.bench_function("dataset/read and verify", |bencher| {
        bencher.iter(|| load_default(&Silent).expect("MNIST is cached"));
    });
    criterion.bench_function("batches/shuffle an epoch of 55000 rows", |bencher| {
        let mut epoch = 0;
        bencher.iter(|| {
            epoch += 1;
            black_box(plan.epoch(epoch))
        });
    });

    let mut group = criterion.benchmark_group("batches");
    let (mut images, mut labels) = (vec![0.0; CHUNK * PIXELS], vec![0; CHUNK]);
    group.throughput(Throughput::Elements((BATCH * PIXELS) as u64));
    let epoch = plan.epoch(0);
    group.bench_function("gather 100 shuffled rows", |bencher| {
        let mut step = 0;
        bencher.iter(|| {
            step = (step + 1) % plan.steps_per_epoch();
            let (images, labels) = (&mut images[..BATCH * PIXELS], &mut labels[..BATCH]);
            mnist.train.gather(epoch.batch(step), images, labels);
        });
    });
    group.throughput(Throughput::Elements((CHUNK * PIXELS) as u64));
    group.bench_function("gather 1000 rows in file order", |bencher| {
        bencher.iter(|| mnist.validation.gather_range(0..CHUNK, &mut images, &mut labels));
    });
    group.finish();
}

criterion_group!(benches, feeding);
criterion_main!(benches);
