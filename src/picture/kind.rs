//! What a file is, by its first bytes.

/// What a file of a kind that is not read is, and what to do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Png,
    Jpeg,
    /// Images in MNIST's format.
    Idx,
    /// Nothing at all.
    Empty,
    /// Its name with its article, and a command that makes a PNG file of the file IN, or other advice.
    Foreign(&'static str, &'static str),
    Unknown,
}

/// So many bytes tell all kinds.
pub(super) const TELLING: usize = 300;

const MAGICK: &str = "magick IN OUT.png (of ImageMagick)";
const SAVED_WRONG: &str = "the server sent it in place of the picture; download the picture itself";

/// Kinds by what stands at their start.
const STARTS: [(&[u8], Kind); 27] = [
    (b"\x89PNG\r\n\x1a\n", Kind::Png),
    (b"\xff\xd8\xff", Kind::Jpeg),
    (&[0, 0, 8, 3], Kind::Idx),
    (b"GIF8", Kind::Foreign("a GIF picture", MAGICK)),
    (b"BM", Kind::Foreign("a BMP picture", MAGICK)),
    (b"II*\0", Kind::Foreign("a TIFF picture (or a camera's raw one)", MAGICK)),
    (b"MM\0*", Kind::Foreign("a TIFF picture (or a camera's raw one)", MAGICK)),
    (b"II+\0", Kind::Foreign("a BigTIFF picture", MAGICK)),
    (b"MM\0+", Kind::Foreign("a BigTIFF picture", MAGICK)),
    (b"\0\0\x01\0", Kind::Foreign("a Windows icon", MAGICK)),
    (b"8BPS", Kind::Foreign("a Photoshop picture", MAGICK)),
    (b"gimp xcf", Kind::Foreign("a GIMP picture", "export it from GIMP as PNG")),
    (b"qoif", Kind::Foreign("a QOI picture", MAGICK)),
    (b"\xff\x0a", Kind::Foreign("a JPEG XL picture", "djxl IN OUT.png")),
    (b"\0\0\0\x0cJXL ", Kind::Foreign("a JPEG XL picture", "djxl IN OUT.png")),
    (b"\0\0\0\x0cjP  ", Kind::Foreign("a JPEG 2000 picture", MAGICK)),
    (b"\x76\x2f\x31\x01", Kind::Foreign("an OpenEXR picture", MAGICK)),
    (b"%PDF", Kind::Foreign("a PDF document", "pdftoppm -png -r 200 IN OUT (of Poppler)")),
    (b"%!PS", Kind::Foreign("a PostScript document", MAGICK)),
    (
        b"\x93NUMPY",
        Kind::Foreign(
            "a NumPy array",
            "python3 -c \"import numpy, PIL.Image; \
        PIL.Image.fromarray(numpy.load('IN')).save('OUT.png')\", if it holds bytes [height, width]",
        ),
    ),
    (
        b"\x1f\x8b",
        Kind::Foreign(
            "a gzip file",
            "gunzip it, or, if it is a gzipped IDX file, name one of its images by its \
        number, as IN#0",
        ),
    ),
    (b"PK\x03\x04", Kind::Foreign("a ZIP archive", "unzip it")),
    (b"BZh", Kind::Foreign("a bzip2 file", "bunzip2 it")),
    (b"\xfd7zXZ\0", Kind::Foreign("an xz file", "unxz it")),
    (b"version https://git-lfs", Kind::Foreign("a pointer of Git LFS, not the file itself", "git lfs pull")),
    (&[0, 0, 8, 1], Kind::Foreign("an IDX file of labels", "name a file of images")),
    (b"\x89HDF\r\n", Kind::Foreign("an HDF5 file", "save the digit in it as PNG")),
];

/// Brands of the ISO base media format, in bytes 8 to 11 behind `ftyp`.
const BRANDS: [(&[u8], Kind); 7] = [
    (b"avif", Kind::Foreign("an AVIF picture", "avifdec IN OUT.png, or magick IN OUT.png (of ImageMagick)")),
    (b"avis", Kind::Foreign("an AVIF picture", "avifdec IN OUT.png, or magick IN OUT.png (of ImageMagick)")),
    (b"hei", HEIC),
    (b"hev", HEIC),
    (b"mif1", HEIC),
    (b"msf1", HEIC),
    (b"", Kind::Foreign("a film", "ffmpeg -i IN -frames:v 1 OUT.png")),
];
const HEIC: Kind = Kind::Foreign(
    "a HEIC picture, as iPhones take them",
    "heif-convert IN OUT.png (of libheif), or magick IN OUT.png (of ImageMagick)",
);

impl Kind {
    /// By the first [`TELLING`] bytes, or all there are.
    pub(super) fn of(start: &[u8]) -> Self {
        if start.is_empty() {
            return Self::Empty;
        }
        if let Some((_, kind)) = STARTS.iter().find(|(magic, _)| start.starts_with(magic)) {
            return *kind;
        }
        if start.starts_with(b"RIFF") && start.get(8..12) == Some(b"WEBP") {
            return Self::Foreign(
                "a WebP picture",
                "dwebp IN -o OUT.png, or magick IN OUT.png (of ImageMagick)",
            );
        }
        if start.get(4..8) == Some(b"ftyp") {
            let brand = start.get(8..12).unwrap_or_default();
            let found = BRANDS.iter().find(|(start, _)| brand.starts_with(start));
            return found.map_or(Self::Unknown, |(_, kind)| *kind);
        }
        if let [b'P', b'1'..=b'7', b' ' | b'\n' | b'\r' | b'\t', ..] = start {
            return Self::Foreign(
                "a picture in a Netpbm format (PBM, PGM, PPM, PAM)",
                "pnmtopng IN > OUT.png (of Netpbm), or magick \
                IN OUT.png (of ImageMagick)",
            );
        }
        Self::of_text(start)
    }

    fn of_text(start: &[u8]) -> Self {
        let text = String::from_utf8_lossy(start).to_ascii_lowercase();
        let text = text.trim_start_matches('\u{feff}').trim_start();
        if text.contains("<svg") {
            Self::Foreign("an SVG drawing", "rsvg-convert -o OUT.png IN (of librsvg)")
        } else if text.starts_with("<!doctype html") || text.starts_with("<html") {
            Self::Foreign("a web page", SAVED_WRONG)
        } else if text.starts_with("<?xml") || text.starts_with("<error") {
            Self::Foreign("an XML document", SAVED_WRONG)
        } else if text.starts_with('{') || text.starts_with('[') {
            Self::Foreign("JSON", SAVED_WRONG)
        } else {
            Self::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_that_share_a_start_are_told_apart() {
        for (start, said) in [
            (&b"\0\0\0\x18ftypheic"[..], "HEIC"),
            (b"\0\0\0\x20ftypmif1", "HEIC"),
            (b"\0\0\0\x20ftypavif", "AVIF"),
            (b"\0\0\0\x20ftypisom", "film"),
            (b"RIFF\0\0\0\0WEBPVP8 ", "WebP"),
            (b"P5\n1 1\n255\n", "Netpbm"),
            (b"<?xml version='1.0'?>\n<svg xmlns=", "SVG"),
            (b"<?xml version='1.0'?><Error>", "XML"),
            (b"\xef\xbb\xbf\n<!DOCTYPE html>", "web page"),
        ] {
            match Kind::of(start) {
                Kind::Foreign(name, _) => assert!(name.contains(said), "{name}"),
                kind => panic!("{kind:?}, not {said}"),
            }
        }
        for start in [&b"RIFF\0\0\0\0WAVE"[..], b"no picture at all", b"P\0"] {
            assert_eq!(Kind::of(start), Kind::Unknown);
        }
        assert_eq!(Kind::of(b""), Kind::Empty);
    }
}
