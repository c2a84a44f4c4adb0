use super::*;

/// What `tf.compat.v1.train.Saver` of TensorFlow 2.21 wrote.
fn pythons() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/python.ckpt")
}

fn copy_to(folder: &Path) -> PathBuf {
    let prefix = folder.join("a.ckpt");
    for suffix in [".index", ".data-00000-of-00001"] {
        std::fs::copy(with_suffix(&pythons(), suffix), with_suffix(&prefix, suffix)).unwrap();
    }
    prefix
}

#[test]
fn reads_what_python_wrote() {
    let checkpoint = Checkpoint::open(&pythons()).unwrap();
    assert_eq!(checkpoint.tensors().count(), 3);
    let kernel = checkpoint.get("dense/kernel").unwrap();
    assert_eq!((kernel.dtype, &kernel.shape[..]), (DataType::Float, &[2, 3][..]));
    assert_eq!(checkpoint.read_f32("dense/kernel").unwrap(), [0.0, 0.25, 0.5, 0.75, 1.0, 1.25]);
    assert_eq!(checkpoint.read_f32("train/beta1_power").unwrap(), [0.9]);
    checkpoint.verify().unwrap();
}

#[test]
fn every_flipped_bit_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = copy_to(folder.path());
    for suffix in [".index", ".data-00000-of-00001"] {
        let file = with_suffix(&prefix, suffix);
        let whole = std::fs::read(&file).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            std::fs::write(&file, &bytes).unwrap();
            let result = Checkpoint::open(&prefix).and_then(|checkpoint| checkpoint.verify());
            // The padding of the index's footer holds nothing.
            let padding = suffix == ".index" && (whole.len() - 48..whole.len() - 8).contains(&at);
            assert!(padding || result.is_err(), "bit flip at {at} of {suffix}");
        }
        std::fs::write(&file, &whole).unwrap();
    }
}

#[test]
fn a_cut_or_missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = copy_to(folder.path());
    let data = with_suffix(&prefix, ".data-00000-of-00001");
    let checkpoint = Checkpoint::open(&prefix).unwrap();
    std::fs::File::options().write(true).open(&data).unwrap().set_len(30).unwrap();
    assert!(checkpoint.verify().unwrap_err().to_string().contains("cut short"));
    std::fs::remove_file(&data).unwrap();
    assert!(checkpoint.verify().unwrap_err().to_string().contains("data-00000-of-00001 does not exist"));
    let error = Checkpoint::open(&with_suffix(&prefix, ".index")).unwrap_err().to_string();
    assert!(error.contains("goes by its prefix"), "{error}");
}
