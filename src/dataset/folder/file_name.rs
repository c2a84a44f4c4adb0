//! Which of the four files one is, by its name.

/// What a file is by its name: what stands before that, its place in `NAMES`, and its rank, lower before higher: raw
/// before gzipped, and MNIST's own spelling before others.
pub(super) fn role(name: &str) -> Option<(String, usize, u8)> {
    let lower = name.to_ascii_lowercase();
    let (stem, gzipped) = match lower.strip_suffix(".gz") {
        Some(stem) => (stem, 2),
        None => (lower.as_str(), 0),
    };
    let stem = ["-ubyte", ".ubyte", "-int"].iter().find_map(|end| stem.strip_suffix(end))?;
    let stem = ["idx1", "idx2", "idx3", "idx4"].iter().find_map(|end| stem.strip_suffix(end))?;
    let (stem, dotted) = match stem.strip_suffix('-') {
        Some(stem) => (stem, 0),
        None => (stem.strip_suffix('.')?, 1),
    };
    let (stem, labels) = match stem.strip_suffix("images") {
        Some(stem) => (stem, 0),
        None => (stem.strip_suffix("labels")?, 1),
    };
    let stem = stem.strip_suffix(['-', '_'])?;
    let (stem, test) = match stem.strip_suffix("train") {
        Some(stem) => (stem, 0),
        None => (stem.strip_suffix("t10k").or_else(|| stem.strip_suffix("test"))?, 2),
    };
    let prefix = match stem.strip_suffix(['-', '_', '.']) {
        Some(prefix) => prefix,
        None if stem.is_empty() => "",
        None => return None,
    };
    // As it is spelt; only ASCII letters were made small, so that places are the same.
    Some((name[..prefix.len()].to_owned(), test + labels, gzipped + dotted))
}

#[cfg(test)]
#[test]
fn names_tell_what_a_file_is() {
    for (name, prefix, file, rank) in [
        ("train-images-idx3-ubyte", "", 0, 0),
        ("t10k-labels.idx1-ubyte", "", 3, 1),
        ("t10k-images-idx3-ubyte.gz", "", 2, 2),
        ("emnist-digits-test-images-idx3-ubyte.gz", "emnist-digits", 2, 2),
        ("qmnist-train-labels-idx2-int", "qmnist", 1, 0),
        ("EMNIST-Letters-train-labels-idx1-ubyte", "EMNIST-Letters", 1, 0),
    ] {
        assert_eq!(role(name), Some((prefix.into(), file, rank)), "{name}");
    }
    for name in [
        "mnist.npz",
        "trainimages-idx3-ubyte",
        "xtrain-images-idx3-ubyte",
        "train-images",
        "train-images.png",
    ] {
        assert_eq!(role(name), None, "{name}");
    }
}
