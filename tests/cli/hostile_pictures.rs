//! The reader of pictures given anything at all: it refuses it or makes 28 x 28 pixels of it, never panics, and takes no
//! more memory than the largest picture that is read. More cases: `PROPTEST_CASES=100000 cargo test --test cli hostile_pictures`.

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ExtendedColorType, GrayImage, ImageEncoder, Luma};
use proptest::prelude::*;
use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use tf_mnist::picture::{self, Target};

/// Counts what the readers ask for.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn grown(bytes: usize) {
    let now = NOW.fetch_add(bytes, Ordering::Relaxed) + bytes;
    PEAK.fetch_max(now, Ordering::Relaxed);
}

// SAFETY: every call is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        grown(size);
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// What a picture of the greatest size takes while it is read, whatever its kind: 256 MiB decoded, and as much again for
/// what a decoder keeps or for the levels of grey.
const MOST: usize = 1 << 30;

/// Reads `bytes` as a file of that name, and checks what comes of it.
fn read(name: &str, bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    check(&path, &path);
    // And as an IDX file.
    check(&path, Path::new(&format!("{}#3", path.display())));
}

fn check(file: &Path, named: &Path) {
    // One at a time: what is counted is the whole process's.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let before = NOW.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    match picture::read(named, &Target::MNIST) {
        Ok(prepared) => {
            let digit = prepared.image;
            assert_eq!(digit.len(), 28 * 28);
            assert!(digit.iter().all(|level| (0.0..=1.0).contains(level)), "{digit:?}");
        }
        Err(error) => {
            let error = error.to_string();
            assert!(error.contains(file.to_str().unwrap()), "{error}");
        }
    }
    let took = PEAK.load(Ordering::Relaxed).saturating_sub(before);
    assert!(took < MOST, "{took} bytes");
}

/// A digit of sorts on paper, in every kind of file and of colours.
fn sound() -> &'static [Vec<u8>] {
    static FILES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    FILES.get_or_init(|| {
        let gray = GrayImage::from_fn(40, 30, |x, y| {
            Luma([if (18..22).contains(&x) && (5..25).contains(&y) { 20 } else { 230 }])
        });
        let gray = DynamicImage::ImageLuma8(gray);
        let mut files = Vec::new();
        for picture in [
            gray.clone(),
            gray.to_luma_alpha8().into(),
            gray.to_rgb8().into(),
            gray.to_rgba8().into(),
            gray.to_luma16().into(),
            gray.to_rgba16().into(),
        ] {
            let mut png = Cursor::new(Vec::new());
            picture.write_to(&mut png, image::ImageFormat::Png).unwrap();
            files.push(png.into_inner());
        }
        for quality in [20, 95] {
            for (bytes, colours) in [
                (gray.to_luma8().into_raw(), ExtendedColorType::L8),
                (gray.to_rgb8().into_raw(), ExtendedColorType::Rgb8),
            ] {
                let mut jpeg = Vec::new();
                JpegEncoder::new_with_quality(&mut jpeg, quality)
                    .write_image(&bytes, 40, 30, colours)
                    .unwrap();
                files.push(jpeg);
            }
        }
        let header: Vec<u8> = [0x803u32, 5, 28, 28].iter().flat_map(|word| word.to_be_bytes()).collect();
        files.push([header, vec![7; 5 * 784]].concat());
        files
    })
}

/// Kinds that are not read.
fn foreign() -> Vec<Vec<u8>> {
    let pgm = [&b"P5\n40 30\n255\n"[..], &[128; 1200]].concat();
    let ascii = b"P2\n4 1\n255\n0 100 200 255\n".to_vec();
    let gif = b"GIF89a\x28\x00\x1e\x00\x80\x00\x00".to_vec();
    let bmp = b"BM\x36\x04\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00".to_vec();
    vec![pgm, ascii, gif, bmp]
}

#[derive(Debug, Clone)]
enum Change {
    Flip(prop::sample::Index, u8),
    Set(prop::sample::Index, u8),
    Cut(prop::sample::Index, usize),
    Insert(prop::sample::Index, Vec<u8>),
    End(prop::sample::Index),
}

fn change() -> impl Strategy<Value = Change> {
    let place = any::<prop::sample::Index>;
    prop_oneof![
        4 => (place(), 0u8..8).prop_map(|(at, bit)| Change::Flip(at, bit)),
        2 => (place(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        1 => (place(), 1usize..40).prop_map(|(at, count)| Change::Cut(at, count)),
        1 => (place(), prop::collection::vec(any::<u8>(), 1..20)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        1 => place().prop_map(Change::End),
    ]
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        match change {
            Change::Flip(at, bit) => bytes[at.index(length)] ^= 1 << bit,
            Change::Set(at, byte) => bytes[at.index(length)] = *byte,
            Change::Cut(at, count) => {
                let at = at.index(length);
                bytes.drain(at..length.min(at + count));
            }
            Change::Insert(at, new) => {
                let at = at.index(length);
                bytes.splice(at..at, new.iter().copied());
            }
            Change::End(at) => bytes.truncate(at.index(length)),
        }
    }
    bytes
}

/// Gives every chunk of a PNG the checksum that its bytes have, as somebody who means harm would; else it is refused
/// before its contents are looked at.
fn with_sums(mut png: Vec<u8>) -> Vec<u8> {
    let mut at = 8;
    while let Some(head) = png.get(at..at + 8) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let end = at + 8 + length;
        let Some(covered) = png.get(at + 4..end) else {
            break;
        };
        let sum = crc32(covered).to_be_bytes();
        let Some(place) = png.get_mut(end..end + 4) else {
            break;
        };
        place.copy_from_slice(&sum);
        at = end + 4;
    }
    png
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = flate2::Crc::new();
    sum.update(bytes);
    sum.sum()
}

/// A PNG that claims a size, with bytes that were made for another.
fn claiming(width: u32, height: u32, of: &[u8]) -> Vec<u8> {
    let mut png = of.to_vec();
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    with_sums(png)
}

fn cases() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None, // a failure prints its input
        ..ProptestConfig::default()
    }
}

#[test]
fn the_sound_ones_are_read_and_foreign_kinds_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("picture");
    let (idx, pictures) = sound().split_last().unwrap();
    for bytes in pictures {
        fs::write(&path, bytes).unwrap();
        let digit = picture::read(&path, &Target::MNIST).unwrap().image;
        assert!(digit[14 * 28 + 14] > 0.5 && digit[0] == 0.0);
    }
    fs::write(&path, idx).unwrap();
    let image = picture::read(Path::new(&format!("{}#4", path.display())), &Target::MNIST).unwrap().image;
    assert_eq!(image, [7.0 / 255.0; 784]);
    for bytes in foreign() {
        fs::write(&path, bytes).unwrap();
        let error = picture::read(&path, &Target::MNIST).unwrap_err().to_string();
        assert!(error.contains("neither a PNG nor a JPEG"), "{error}");
    }
}

/// Sizes at the bounds, and a few bytes that claim them.
#[test]
fn what_claims_to_be_large_takes_no_more_than_it_may() {
    let sides = [1, 2, 255, 8191, 8192, 8193, 65_535, 1 << 24, i32::MAX as u32, u32::MAX];
    for (width, height) in sides.iter().flat_map(|&width| sides.map(|height| (width, height))) {
        for png in &sound()[..6] {
            read("claims.png", &claiming(width, height, png));
        }
    }
    // Of a JPEG that ends early, a decoder makes what there is: each large one really is as large as it claims.
    for (height, width) in [(1, 8192), (8192, 1), (1024, 1024), (8193, 8), (65_535, 65_535)] {
        for jpeg in &sound()[6..10] {
            for kind in [BASELINE, PROGRESSIVE] {
                read("claims.jpg", &claiming_jpeg(width, height, jpeg, kind));
            }
        }
    }
}

/// Second bytes of the marker before the frame's header.
const BASELINE: u8 = 0xc0;
/// A decoder keeps the whole picture of such.
const PROGRESSIVE: u8 = 0xc2;

fn claiming_jpeg(width: u16, height: u16, of: &[u8], kind: u8) -> Vec<u8> {
    // FF C0, length, precision, height, width.
    let at = of.windows(2).position(|two| two == [0xff, BASELINE]).unwrap();
    let mut jpeg = of.to_vec();
    jpeg[at + 1] = kind;
    jpeg[at + 5..at + 7].copy_from_slice(&height.to_be_bytes());
    jpeg[at + 7..at + 9].copy_from_slice(&width.to_be_bytes());
    jpeg
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_bytes_are_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        read("any", &bytes);
    }

    #[test]
    fn any_bytes_behind_a_magic_number_are_no_panic(
        magic in prop::sample::select(vec![
            &b"\x89PNG\r\n\x1a\n"[..],
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
            b"\xff\xd8\xff\xe0\0\x10JFIF\0",
            b"\xff\xd8\xff\xc0",
            b"\0\0\x08\x03",
            b"\x1f\x8b\x08",
            b"P5\n",
        ]),
        bytes in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        read("magic", &[magic, &bytes].concat());
    }

    #[test]
    fn a_changed_picture_is_refused_or_read(
        file in any::<prop::sample::Index>(),
        changes in prop::collection::vec(change(), 1..6),
        fits in any::<bool>(),
    ) {
        let bytes = changed(file.get(sound()).clone(), &changes);
        let bytes = if fits && bytes.starts_with(b"\x89PNG") { with_sums(bytes) } else { bytes };
        read("changed", &bytes);
    }

    #[test]
    fn a_changed_foreign_picture_is_refused(
        file in any::<prop::sample::Index>(),
        changes in prop::collection::vec(change(), 1..6),
    ) {
        read("foreign", &changed(file.get(&foreign()).clone(), &changes));
    }
}
