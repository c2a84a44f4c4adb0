//! Pictures that are drawn here, and their PNG files.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// A picture of red, green and blue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<[u8; 3]>,
}

impl Picture {
    /// All of one colour; of a pixel at least, since a PNG file cannot be of none.
    pub fn filled(width: usize, height: usize, colour: [u8; 3]) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        Self { width, height, pixels: vec![colour; width * height] }
    }

    /// An image of a data set, `[height, width]` in 0..=255, each pixel `scale` times as wide and as high.
    pub fn of_gray(image: &[u8], [height, width]: [usize; 2], scale: usize) -> Self {
        let mut picture = Self::filled(width * scale, height * scale, [0; 3]);
        for (place, &gray) in image.iter().enumerate() {
            let at = [place % width * scale, place / width * scale];
            picture.fill(at, [scale, scale], [gray; 3]);
        }
        picture
    }

    /// Pixels in a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows of pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// A rectangle of one colour; what would lie outside is left out.
    pub(super) fn fill(&mut self, [left, top]: [usize; 2], [width, height]: [usize; 2], colour: [u8; 3]) {
        for row in top..(top + height).min(self.height) {
            let end = (left + width).min(self.width);
            self.pixels[row * self.width..][left.min(end)..end].fill(colour);
        }
    }

    /// The bytes of a PNG file.
    pub fn to_png(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        let written = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(self.pixels.as_flattened())?;
            writer.finish()
        });
        written.expect("memory takes every byte; there is a pixel at least, and as many as the header says");
        bytes
    }

    /// The PNG file as a `data:` URL, for a page that takes no other.
    pub fn to_data_url(&self) -> String {
        format!("data:image/png;base64,{}", BASE64_STANDARD.encode(self.to_png()))
    }
}
