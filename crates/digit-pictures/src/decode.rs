//! PNG and JPEG files, decoded to no more pixels than are looked at.

use crate::error::DigitError;
use crate::orientation::orientation;
use crate::raster::{Raster, Reducer};
use jpeg_decoder::{CodingProcess, PixelFormat};
use png::{BitDepth, Transformations};
use std::error::Error;
use std::io::{Cursor, ErrorKind};
use std::iter::successors;
use std::path::Path;

/// The longest side of a picture that is read, in pixels.
const MAX_SIDE: usize = 100_000;
/// The most pixels of a picture that is read, row by row: five times a photograph of 108 megapixels.
const MAX_PIXELS: usize = 540_000_000;
/// The most bytes that are kept of a picture which cannot be read row by row.
const MAX_WHOLE_BYTES: usize = 700_000_000;
/// A JPEG file is decoded at 1/2, 1/4 or 1/8 of its size, as long as one side keeps so many pixels.
const JPEG_SIDE: u16 = 1024;

/// Decodes a PNG file.
///
/// # Errors
/// It is damaged, breaks off, or is too large.
pub(crate) fn png(path: &Path, bytes: &[u8]) -> Result<Raster, DigitError> {
    let damaged = |error| match error {
        png::DecodingError::IoError(error) => damaged(path, &error),
        error => damaged(path, &error),
    };
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(damaged)?;
    let info = reader.info();
    let (width, height) = (info.width as usize, info.height as usize);
    let interlaced = info.interlaced;
    let orientation = orientation(info.exif_metadata.as_deref());
    let (colour, depth) = reader.output_color_type();
    let channels = colour.samples();
    let wide = depth == BitDepth::Sixteen;
    let bytes_a_pixel = channels * if wide { 2 } else { 1 };
    let kept = if interlaced { (bytes_a_pixel, "interlaced") } else { (0, "") };
    check_size(path, [width, height], kept)?;
    let mut reducer = Reducer::new(width, height, wide);
    let mut push = |row: &[u8]| {
        if wide {
            let levels = row.as_chunks().0.iter().copied().map(u16::from_be_bytes);
            reducer.push(channels, levels.map(|level| f32::from(level) / 65535.0));
        } else {
            reducer.push(channels, row.iter().map(|&level| f32::from(level) / 255.0));
        }
    };
    if interlaced {
        let row = width * bytes_a_pixel;
        let mut whole = vec![0; row * height];
        reader.next_frame(&mut whole).map_err(damaged)?;
        whole.chunks_exact(row).for_each(&mut push);
    } else {
        while let Some(row) = reader.next_row().map_err(damaged)? {
            push(row.data());
        }
    }
    Ok(reducer.finish().upright(orientation))
}

/// Decodes a JPEG file.
///
/// # Errors
/// It is damaged, breaks off, or is too large.
pub(crate) fn jpeg(path: &Path, bytes: &[u8]) -> Result<Raster, DigitError> {
    let damaged = |error: jpeg_decoder::Error| damaged(path, &error);
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    decoder.read_info().map_err(damaged)?;
    let info = |decoder: &jpeg_decoder::Decoder<_>| decoder.info().ok_or_else(|| incomplete(path));
    let stored = info(&decoder)?;
    let (width, height) = (usize::from(stored.width), usize::from(stored.height));
    let channels = stored.pixel_format.pixel_bytes();
    let kept = match stored.coding_process {
        // Two bytes of each sample are kept until the last scan.
        CodingProcess::DctProgressive => (2 * channels, "progressive"),
        CodingProcess::Lossless => (3 * channels, "lossless"),
        CodingProcess::DctSequential => (0, ""),
    };
    check_size(path, [width, height], kept)?;
    if stored.coding_process != CodingProcess::Lossless {
        decoder.scale(JPEG_SIDE, JPEG_SIDE).map_err(damaged)?;
    }
    let scaled = info(&decoder)?;
    let samples = decoder.decode().map_err(damaged)?;
    let orientation = orientation(decoder.exif_data());
    let (width, height) = (usize::from(scaled.width), usize::from(scaled.height));
    let mut reducer = Reducer::new(width, height, scaled.pixel_format == PixelFormat::L16);
    for row in samples.chunks_exact(width * channels) {
        let levels = row.iter().map(|&level| f32::from(level) / 255.0);
        match scaled.pixel_format {
            PixelFormat::L8 => reducer.push(1, levels),
            PixelFormat::RGB24 => reducer.push(3, levels),
            PixelFormat::L16 => {
                let levels = row.as_chunks().0.iter().copied().map(u16::from_ne_bytes);
                reducer.push(1, levels.map(|level| f32::from(level) / 65535.0));
            }
            // Each ink takes its part of the light, black of all three.
            PixelFormat::CMYK32 => {
                let light = |pixel: &[u8; 4]| {
                    let [cyan, magenta, yellow, black] = pixel.map(|ink| 1.0 - f32::from(ink) / 255.0);
                    [cyan * black, magenta * black, yellow * black]
                };
                reducer.push(3, row.as_chunks().0.iter().flat_map(light));
            }
        }
    }
    Ok(reducer.finish().upright(orientation))
}

/// Checks the size of a picture of which so many bytes a pixel are kept, where it is stored such that it cannot be read
/// row by row.
fn check_size(
    path: &Path,
    [width, height]: [usize; 2],
    (bytes_a_pixel, stored): (usize, &str),
) -> Result<(), DigitError> {
    let limit = if width.max(height) > MAX_SIDE || width * height > MAX_PIXELS {
        format!("at most {} million pixels are read, and sides of {MAX_SIDE}", MAX_PIXELS / 1_000_000)
    } else if bytes_a_pixel * width * height > MAX_WHOLE_BYTES {
        format!(
            "as it is {stored}, reading it takes {} MB at once, and at most {} MB are taken; a file that is not {stored} is \
             read row by row",
            bytes_a_pixel * width * height / 1_000_000,
            MAX_WHOLE_BYTES / 1_000_000
        )
    } else {
        return Ok(());
    };
    let path = path.display();
    Err(DigitError::Unreadable(format!(
        "{path} is {width} x {height} pixels: {limit}. Make it smaller, as in magick {path} -resize 2000x2000 OUT.png"
    )))
}

fn damaged(path: &Path, error: &(dyn Error + 'static)) -> DigitError {
    let ends_early = |error: &(dyn Error + 'static)| {
        let io = error.downcast_ref::<std::io::Error>();
        io.is_some_and(|error| error.kind() == ErrorKind::UnexpectedEof)
    };
    match successors(Some(error), |&error| error.source()).any(ends_early) {
        true => incomplete(path),
        false => DigitError::Unreadable(format!("cannot decode {}: {error}", path.display())),
    }
}

fn incomplete(path: &Path) -> DigitError {
    let why = "it ends before its picture does; it was not copied or downloaded whole";
    DigitError::Unreadable(format!("cannot decode {}: {why}", path.display()))
}
