//! What a file is, by its first bytes.

use Kind::Foreign;
use digit_pictures::Format;

/// What a file of a kind that is not read is, and what to do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Picture(Format),
    /// Images in MNIST's format.
    Idx,
    /// Its name with its article, and a command that makes a PNG file of the file IN, or other advice.
    Foreign(&'static str, &'static str),
    Unknown,
}

/// So many bytes tell all kinds.
pub(super) const TELLING: u64 = 300;

const MAGICK: &str = "magick IN OUT.png (of ImageMagick)";
const SAVED_WRONG: &str = "the server sent it in place of the picture; download the picture itself";
const AVIF: Kind = Foreign("an AVIF picture", "avifdec IN OUT.png, or magick IN OUT.png (of ImageMagick)");
const HEIC: Kind = Foreign(
    "a HEIC picture, as iPhones take them",
    "heif-convert IN OUT.png (of libheif), or magick IN OUT.png (of ImageMagick)",
);
const JPEG_XL: Kind = Foreign("a JPEG XL picture", "djxl IN OUT.png");
const TIFF: Kind = Foreign("a TIFF picture (or a camera's raw one)", MAGICK);
const BIG_TIFF: Kind = Foreign("a BigTIFF picture", MAGICK);
const WEB_PAGE: Kind = Foreign("a web page", SAVED_WRONG);
const XML: Kind = Foreign("an XML document", SAVED_WRONG);
const JSON: Kind = Foreign("JSON", SAVED_WRONG);

/// Kinds by what stands at their start.
const STARTS: [(&[u8], Kind); 25] = [
    (&[0, 0, 8, 3], Kind::Idx),
    (b"GIF8", Foreign("a GIF picture", MAGICK)),
    (b"BM", Foreign("a BMP picture", MAGICK)),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"II+\0", BIG_TIFF),
    (b"MM\0+", BIG_TIFF),
    (b"\0\0\x01\0", Foreign("a Windows icon", MAGICK)),
    (b"8BPS", Foreign("a Photoshop picture", MAGICK)),
    (b"gimp xcf", Foreign("a GIMP picture", "export it from GIMP as PNG")),
    (b"qoif", Foreign("a QOI picture", MAGICK)),
    (b"\xff\x0a", JPEG_XL),
    (b"\0\0\0\x0cJXL ", JPEG_XL),
    (b"\0\0\0\x0cjP  ", Foreign("a JPEG 2000 picture", MAGICK)),
    (b"\x76\x2f\x31\x01", Foreign("an OpenEXR picture", MAGICK)),
    (b"%PDF", Foreign("a PDF document", "pdftoppm -png -r 200 IN OUT (of Poppler)")),
    (b"%!PS", Foreign("a PostScript document", MAGICK)),
    (b"\x93NUMPY", Foreign("a NumPy array", NUMPY_WAY)),
    (b"\x1f\x8b", Foreign("a gzip file", GZIP_WAY)),
    (b"PK\x03\x04", Foreign("a ZIP archive", "unzip it")),
    (b"BZh", Foreign("a bzip2 file", "bunzip2 it")),
    (b"\xfd7zXZ\0", Foreign("an xz file", "unxz it")),
    (b"version https://git-lfs", Foreign("a pointer of Git LFS, not the file itself", "git lfs pull")),
    (&[0, 0, 8, 1], Foreign("an IDX file of labels", "name a file of images")),
    (b"\x89HDF\r\n", Foreign("an HDF5 file", "save the digit in it as PNG")),
];
const NUMPY_WAY: &str = "python3 -c \"import numpy, PIL.Image; PIL.Image.fromarray(numpy.load('IN')).save('OUT.png')\", if it \
                         holds bytes [height, width]";
const GZIP_WAY: &str =
    "gunzip it, or, if it is a gzipped IDX file, name one of its images by its number, as IN#0";

/// Brands of the ISO base media format, in bytes 8 to 11 behind `ftyp`.
const BRANDS: [(&[u8], Kind); 7] = [
    (b"avif", AVIF),
    (b"avis", AVIF),
    (b"hei", HEIC),
    (b"hev", HEIC),
    (b"mif1", HEIC),
    (b"msf1", HEIC),
    (b"", Foreign("a film", "ffmpeg -i IN -frames:v 1 OUT.png")),
];

/// Kinds by the start of a text, in lower case and without white space before it.
const TEXTS: [(&[u8], Kind); 6] = [
    (b"<!doctype html", WEB_PAGE),
    (b"<html", WEB_PAGE),
    (b"<?xml", XML),
    (b"<error", XML),
    (b"{", JSON),
    (b"[", JSON),
];

impl Kind {
    /// By the first [`TELLING`] bytes, or all there are.
    pub(super) fn of(start: &[u8]) -> Self {
        if let Some(format) = Format::of(start) {
            return Self::Picture(format);
        }
        let by_start = |kinds: &[(&[u8], Self)], start: &[u8]| {
            kinds.iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, kind)| *kind)
        };
        if let Some(kind) = by_start(&STARTS, start) {
            return kind;
        }
        if start.starts_with(b"RIFF") && start.get(8..12) == Some(b"WEBP") {
            return Foreign("a WebP picture", "dwebp IN -o OUT.png, or magick IN OUT.png (of ImageMagick)");
        }
        if start.get(4..8) == Some(b"ftyp") {
            return by_start(&BRANDS, start.get(8..12).unwrap_or_default()).unwrap_or(Self::Unknown);
        }
        if let [b'P', b'1'..=b'7', b' ' | b'\n' | b'\r' | b'\t', ..] = start {
            return Foreign(
                "a picture in a Netpbm format (PBM, PGM, PPM, PAM)",
                "pnmtopng IN > OUT.png (of Netpbm), or magick IN OUT.png (of ImageMagick)",
            );
        }
        let text = String::from_utf8_lossy(start).to_ascii_lowercase();
        if text.contains("<svg") {
            return Foreign("an SVG drawing", "rsvg-convert -o OUT.png IN (of librsvg)");
        }
        let text = text.trim_start_matches('\u{feff}').trim_start();
        by_start(&TEXTS, text.as_bytes()).unwrap_or(Self::Unknown)
    }
}

#[cfg(test)]
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
    for start in [&b"RIFF\0\0\0\0WAVE"[..], b"no picture at all", b"P\0", b""] {
        assert_eq!(Kind::of(start), Kind::Unknown);
    }
}
