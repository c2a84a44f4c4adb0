//! What a file is that should be an IDX file and is none, and how its contents become IDX files.

use crate::dataset::NAMES;

/// A kind of file, told by its start or by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForeignFile {
    /// What it is, with its article.
    pub name: &'static str,
    /// What to do.
    advice: Advice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Advice {
    /// A program in Python that writes the files, FILE being this one's name.
    Python(&'static str),
    Plain(&'static str),
}

/// What every program in Python begins with: a function that writes one IDX file.
const WRITE: &str = "def write(name, a):
    a = np.ascontiguousarray(a, 'uint8')
    with open(name, 'wb') as f:
        f.write(bytes([0, 0, 8, a.ndim]) + np.array(a.shape, '>u4').tobytes() + a.tobytes())
";

const NPZ: ForeignFile = ForeignFile {
    name: "an archive of NumPy arrays (.npz)",
    advice: Advice::Python(
        "d = np.load('FILE')
write('train-images-idx3-ubyte', d['x_train']); write('train-labels-idx1-ubyte', d['y_train'])
write('t10k-images-idx3-ubyte', d['x_test']); write('t10k-labels-idx1-ubyte', d['y_test'])
",
    ),
};
const CSV: ForeignFile = ForeignFile {
    name: "a table of text (CSV)",
    advice: Advice::Python(
        "for csv, name in ('mnist_train.csv', 'train'), ('mnist_test.csv', 't10k'):  # label, then the pixels; a title line
    a = np.loadtxt(csv, delimiter=',', skiprows=1, dtype='uint8', ndmin=2)
    write(name + '-labels-idx1-ubyte', a[:, 0]); write(name + '-images-idx3-ubyte', a[:, 1:].reshape(-1, 28, 28))
",
    ),
};
const PICKLE: ForeignFile = ForeignFile {
    name: "a pickle of Python's",
    advice: Advice::Python(
        "import gzip, pickle  # unpickling runs whatever the file says: only where you trust it
with (gzip.open if 'FILE'.endswith('.gz') else open)('FILE', 'rb') as f:
    train, valid, test = pickle.load(f, encoding='latin1')
x, y = np.concatenate([valid[0], train[0]]), np.concatenate([valid[1], train[1]])
for x, y, name in (x, y, 'train'), (*test, 't10k'):
    write(name + '-images-idx3-ubyte', np.rint(255 * x).reshape(-1, 28, 28)); write(name + '-labels-idx1-ubyte', y)
",
    ),
};
const NPY: ForeignFile = ForeignFile {
    name: "a NumPy array (.npy)",
    advice: Advice::Python(
        "write('train-images-idx3-ubyte', np.load('FILE'))  # and so with the three others\n",
    ),
};
const PARQUET: ForeignFile = ForeignFile {
    name: "a Parquet table, as the Hugging Face hub has them",
    advice: Advice::Python(
        "import io, pandas, PIL.Image  # and so with the test file, as t10k
t = pandas.read_parquet('FILE')
write('train-images-idx3-ubyte', np.stack([PIL.Image.open(io.BytesIO(i['bytes'])) for i in t.image]))
write('train-labels-idx1-ubyte', t.label)
",
    ),
};
const MAT: ForeignFile = ForeignFile {
    name: "a file of MATLAB's",
    advice: Advice::Plain("load it with scipy.io.loadmat and write its arrays as IDX files"),
};
const TORCH: ForeignFile = ForeignFile {
    name: "tensors of PyTorch's",
    advice: Advice::Plain(
        "torchvision keeps the IDX files too, in the folder raw beside processed: name that",
    ),
};
const ARCHIVE: ForeignFile = ForeignFile {
    name: "an archive",
    advice: Advice::Plain("unpack it, and name the folder with what it held"),
};
const PICTURE: ForeignFile = ForeignFile {
    name: "a picture",
    advice: Advice::Plain("a data set here is four IDX files that hold all pictures and their labels"),
};
const SERVER: &str = "a server sent it in place of the file, often to say why; download the file again";
const PAGE: ForeignFile = ForeignFile { name: "an XML document", advice: Advice::Plain(SERVER) };
const JSON: ForeignFile = ForeignFile { name: "JSON", advice: Advice::Plain(SERVER) };
const TEXT: ForeignFile = ForeignFile { name: "text", advice: Advice::Plain(SERVER) };
const LFS: ForeignFile = ForeignFile {
    name: "a pointer of Git LFS, not the file itself",
    advice: Advice::Plain("git lfs pull fetches the file"),
};
const TFRECORD: ForeignFile = ForeignFile {
    name: "records of TensorFlow's",
    advice: Advice::Plain("write their images and labels as IDX files"),
};

/// Kinds by the ends of names, in small letters.
const ENDS: [(&str, ForeignFile); 17] = [
    (".npz", NPZ),
    (".npy", NPY),
    (".csv", CSV),
    (".csv.gz", CSV),
    (".pkl", PICKLE),
    (".pkl.gz", PICKLE),
    (".pickle", PICKLE),
    (".parquet", PARQUET),
    (".mat", MAT),
    (".pt", TORCH),
    (".zip", ARCHIVE),
    (".tar", ARCHIVE),
    (".tar.gz", ARCHIVE),
    (".tgz", ARCHIVE),
    (".7z", ARCHIVE),
    (".rar", ARCHIVE),
    (".tfrecord", TFRECORD),
];

/// Kinds by their first bytes.
const STARTS: [(&[u8], ForeignFile); 13] = [
    (b"\x93NUMPY", NPY),
    (b"PK\x03\x04", ARCHIVE),
    (b"PAR1", PARQUET),
    (b"\x80\x02", PICKLE),
    (b"\x80\x03", PICKLE),
    (b"\x80\x04", PICKLE),
    (b"\x80\x05", PICKLE),
    (b"MATLAB", MAT),
    (b"BZh", ARCHIVE),
    (b"\xfd7zXZ\0", ARCHIVE),
    (b"7z\xbc\xaf", ARCHIVE),
    (b"\x89PNG", PICTURE),
    (b"\xff\xd8\xff", PICTURE),
];

impl ForeignFile {
    /// By the end of a file's name.
    pub(in crate::dataset) fn by_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let found = ENDS.iter().filter(|(end, _)| name.ends_with(end));
        found.max_by_key(|(end, _)| end.len()).map(|(_, kind)| *kind)
    }

    /// By a file's first bytes, some hundred of them.
    pub(super) fn by_start(start: &[u8]) -> Option<Self> {
        if let Some((_, kind)) = STARTS.iter().find(|(magic, _)| start.starts_with(magic)) {
            // NumPy's archives are ZIP archives of .npy files.
            let is_npz = *kind == ARCHIVE && start.windows(4).any(|four| four == b".npy");
            return Some(if is_npz { NPZ } else { *kind });
        }
        if start.get(257..262) == Some(b"ustar") {
            return Some(ARCHIVE);
        }
        let text = std::str::from_utf8(start)
            .or_else(|error| std::str::from_utf8(&start[..error.valid_up_to()]))
            .unwrap_or_default();
        let is_cut_short = text.len() + 3 < start.len();
        let is_control = |char: char| char.is_control() && !char.is_ascii_whitespace();
        if text.trim().is_empty() || is_cut_short || text.contains(is_control) {
            return None;
        }
        let text = text.trim_start_matches('\u{feff}').trim_start();
        let is_table = text.lines().next().is_some_and(|line| line.matches(',').count() > 20);
        Some(match text {
            _ if text.starts_with("version https://git-lfs") => LFS,
            _ if text.starts_with('<') => PAGE,
            _ if text.starts_with('{') || text.starts_with('[') => JSON,
            _ if is_table => CSV,
            _ => TEXT,
        })
    }

    /// What to do with the file `name`.
    pub fn advice(&self, name: &str) -> String {
        match self.advice {
            Advice::Plain(advice) => advice.to_owned(),
            Advice::Python(program) => format!(
                "wanted are the IDX files {}. This makes them, run with python3:\nimport numpy as np\n{WRITE}{}",
                NAMES.join(", "),
                program.replace("FILE", &name.replace('\\', "\\\\").replace('\'', "\\'")).trim_end()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told() {
        for (start, kind) in [
            (&b"<?xml version=\"1.0\"?><Error><Code>AccessDenied"[..], PAGE),
            (b"{\"message\": \"rate limit exceeded\"}", JSON),
            (b"404: Not Found", TEXT),
            (b"version https://git-lfs.github.com/spec/v1\noid", LFS),
            (b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0x_train.npy", NPZ),
            (b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0train-images-idx3-ubyte", ARCHIVE),
        ] {
            assert_eq!(ForeignFile::by_start(start), Some(kind));
        }
        let row = ["5"; 785].join(",");
        assert_eq!(ForeignFile::by_start(&row.as_bytes()[..300]), Some(CSV));
        for start in [&[0, 0, 8, 3, 0, 0][..], b"", &[7; 200], "é\u{1}".as_bytes()] {
            assert_eq!(ForeignFile::by_start(start), None);
        }
        assert_eq!(ForeignFile::by_name("MNIST.pkl.gz"), Some(PICKLE));
        assert_eq!(ForeignFile::by_name("train-images-idx3-ubyte.gz"), None);
    }
}
