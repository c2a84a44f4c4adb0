//! What a file is that should be an IDX file and is none, and how its contents become IDX files.

use crate::dataset::NAMES;
use std::path::Path;

/// A kind of file, told by its start or by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dataset) struct ForeignFile {
    /// What it is, with its article.
    pub name: &'static str,
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

const fn python(name: &'static str, program: &'static str) -> ForeignFile {
    ForeignFile { name, advice: Advice::Python(program) }
}

const fn plain(name: &'static str, advice: &'static str) -> ForeignFile {
    ForeignFile { name, advice: Advice::Plain(advice) }
}

const NPZ: ForeignFile = python(
    "an archive of NumPy arrays (.npz)",
    "d = np.load('FILE')
write('train-images-idx3-ubyte', d['x_train']); write('train-labels-idx1-ubyte', d['y_train'])
write('t10k-images-idx3-ubyte', d['x_test']); write('t10k-labels-idx1-ubyte', d['y_test'])
",
);
const CSV: ForeignFile = python(
    "a table of text (CSV)",
    "for csv, name in ('mnist_train.csv', 'train'), ('mnist_test.csv', 't10k'):  # label, then the pixels; a title line
    a = np.loadtxt(csv, delimiter=',', skiprows=1, dtype='uint8', ndmin=2)
    write(name + '-labels-idx1-ubyte', a[:, 0]); write(name + '-images-idx3-ubyte', a[:, 1:].reshape(-1, 28, 28))
",
);
const PICKLE: ForeignFile = python(
    "a pickle of Python's",
    "import gzip, pickle  # unpickling runs whatever the file says: only where you trust it
with (gzip.open if 'FILE'.endswith('.gz') else open)('FILE', 'rb') as f:
    train, valid, test = pickle.load(f, encoding='latin1')
x, y = np.concatenate([valid[0], train[0]]), np.concatenate([valid[1], train[1]])
for x, y, name in (x, y, 'train'), (*test, 't10k'):
    write(name + '-images-idx3-ubyte', np.rint(255 * x).reshape(-1, 28, 28)); write(name + '-labels-idx1-ubyte', y)
",
);
const NPY: ForeignFile = python(
    "a NumPy array (.npy)",
    "write('train-images-idx3-ubyte', np.load('FILE'))  # and so with the three others\n",
);
const PARQUET: ForeignFile = python(
    "a Parquet table, as the Hugging Face hub has them",
    "import io, pandas, PIL.Image  # and so with the test file, as t10k
t = pandas.read_parquet('FILE')
write('train-images-idx3-ubyte', np.stack([PIL.Image.open(io.BytesIO(i['bytes'])) for i in t.image]))
write('train-labels-idx1-ubyte', t.label)
",
);
const MAT: ForeignFile =
    plain("a file of MATLAB's", "load it with scipy.io.loadmat and write its arrays as IDX files");
const TORCH: ForeignFile = plain(
    "tensors of PyTorch's",
    "torchvision keeps the IDX files too, in the folder raw beside processed: name that",
);
const ARCHIVE: ForeignFile = plain("an archive", "unpack it, and name the folder with what it held");
const PICTURE: ForeignFile =
    plain("a picture", "a data set here is four IDX files that hold all pictures and their labels");
const SERVER: &str = "a server sent it in place of the file, often to say why; download the file again";
const PAGE: ForeignFile = plain("an XML document", SERVER);
const JSON: ForeignFile = plain("JSON", SERVER);
const TEXT: ForeignFile = plain("text", SERVER);
const LFS: ForeignFile = plain("a pointer of Git LFS, not the file itself", "git lfs pull fetches the file");
const TFRECORD: ForeignFile = plain("records of TensorFlow's", "write their images and labels as IDX files");

/// Kinds by the ends of names, in small letters.
const ENDS: [(ForeignFile, &[&str]); 9] = [
    (NPZ, &[".npz"]),
    (NPY, &[".npy"]),
    (CSV, &[".csv", ".csv.gz"]),
    (PICKLE, &[".pkl", ".pkl.gz", ".pickle"]),
    (PARQUET, &[".parquet"]),
    (MAT, &[".mat"]),
    (TORCH, &[".pt"]),
    (ARCHIVE, &[".zip", ".tar", ".tar.gz", ".tgz", ".7z", ".rar"]),
    (TFRECORD, &[".tfrecord"]),
];

/// Kinds by their first bytes.
const STARTS: [(ForeignFile, &[&[u8]]); 6] = [
    (NPY, &[b"\x93NUMPY"]),
    (PARQUET, &[b"PAR1"]),
    (PICKLE, &[b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"]),
    (MAT, &[b"MATLAB"]),
    (ARCHIVE, &[b"PK\x03\x04", b"BZh", b"\xfd7zXZ\0", b"7z\xbc\xaf"]),
    (PICTURE, &[b"\x89PNG", b"\xff\xd8\xff"]),
];

impl ForeignFile {
    /// By the end of a file's name.
    pub fn by_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let is_of = |(_, ends): &&(_, &[&str])| ends.iter().any(|end| name.ends_with(end));
        ENDS.iter().find(is_of).map(|(kind, _)| *kind)
    }

    /// By a file's first bytes, some hundred of them.
    pub fn by_start(start: &[u8]) -> Option<Self> {
        let is_of = |(_, starts): &&(_, &[&[u8]])| starts.iter().any(|magic| start.starts_with(magic));
        if let Some((kind, _)) = STARTS.iter().find(is_of) {
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

    /// What to do with the file `path`.
    pub fn advice(&self, path: &Path) -> String {
        match self.advice {
            Advice::Plain(advice) => advice.to_owned(),
            Advice::Python(program) => {
                let path = path.display().to_string().replace('\\', "\\\\").replace('\'', "\\'");
                let (names, program) = (NAMES.join(", "), program.replace("FILE", &path));
                format!(
                    "wanted are the IDX files {names}. This makes them, run with python3:\n\
                     import numpy as np\n{WRITE}{}",
                    program.trim_end()
                )
            }
        }
    }
}
