//! Charts as SVG, by plotters. Colours are given as attributes, which the page's style sheet overrules for light and dark.

use anyhow::{Result, anyhow};
use plotters::prelude::*;
use std::ops::Range;

/// Width and height, in a unit that the browser scales.
const SIZE: (u32, u32) = (560, 350);
/// Large enough where a phone shows it at half its size.
const LETTERS: i32 = 19;
/// Told apart also by those who see few colours (Okabe and Ito).
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(120, 120, 120),
];
/// The last of them, which is no hue.
pub const GRAY: usize = COLOURS.len() - 1;

/// The colour of the curve `number`, as a style sheet writes it.
pub fn colour(number: usize) -> String {
    let RGBColor(red, green, blue) = COLOURS[number % COLOURS.len()];
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Whether the curve `number` is dashed: its colour is another's already.
pub fn is_dashed(number: usize) -> bool {
    number / COLOURS.len() % 2 == 1
}

/// What a chart shows.
pub struct Chart<'a> {
    pub across: &'a str,
    pub up: &'a str,
    /// Each in the colour of its number.
    pub curves: Vec<(usize, Vec<(f64, f64)>)>,
    /// Points to be marked, each in the colour of a curve.
    pub marks: Vec<(usize, (f64, f64))>,
    /// Places across at which a line stands.
    pub lines: Vec<f64>,
    pub x: Range<f64>,
    pub y: Range<f64>,
    /// How a height is written.
    pub written: fn(f64) -> String,
    /// Whether the diagonal is drawn, and the points of curves.
    pub diagonal: bool,
}

impl Chart<'_> {
    /// The SVG element.
    pub fn svg(&self) -> Result<String> {
        let mut svg = String::new();
        self.draw(&mut svg).map_err(|error| anyhow!("cannot draw a chart: {error}"))?;
        Ok(svg)
    }

    fn draw(&self, svg: &mut String) -> Result<(), Box<dyn std::error::Error + '_>> {
        let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(12)
            .margin_right(28)
            .x_label_area_size(52)
            .y_label_area_size(82)
            .build_cartesian_2d(self.x.clone(), self.y.clone())?;
        let letters = ("sans-serif", LETTERS).into_font();
        chart
            .configure_mesh()
            .x_labels(6)
            .y_labels(6)
            .x_desc(self.across)
            .y_desc(self.up)
            .label_style(letters.clone())
            .axis_desc_style(letters)
            .bold_line_style(BLACK.mix(0.15))
            .light_line_style(TRANSPARENT)
            .x_label_formatter(&|x| if self.diagonal { (self.written)(*x) } else { format!("{x:.0}") })
            .y_label_formatter(&|y| (self.written)(*y))
            .draw()?;
        if self.diagonal {
            let ends = [(self.x.start, self.y.start), (self.x.end, self.y.end)];
            chart.draw_series(LineSeries::new(ends, BLACK.mix(0.4)))?;
        }
        for &x in &self.lines {
            let ends = [(x, self.y.start), (x, self.y.end)];
            chart.draw_series(DashedLineSeries::new(ends, 6, 5, BLACK.mix(0.6).into()))?;
        }
        let within = |y: f64| y.clamp(self.y.start, self.y.end);
        for (number, curve) in &self.curves {
            let style = COLOURS[number % COLOURS.len()].stroke_width(2);
            let curve: Vec<_> = curve.iter().map(|&(x, y)| (x, within(y))).collect();
            if self.diagonal || curve.len() == 1 {
                chart.draw_series(curve.iter().map(|&at| Circle::new(at, 5, style.filled())))?;
            }
            match is_dashed(*number) {
                true => chart.draw_series(DashedLineSeries::new(curve, 8, 5, style))?,
                false => chart.draw_series(LineSeries::new(curve, style))?,
            };
        }
        for &(number, (x, y)) in &self.marks {
            let style = COLOURS[number % COLOURS.len()].filled();
            chart.draw_series([Circle::new((x, within(y)), 6, style)])?;
        }
        area.present()?;
        Ok(())
    }
}

/// At most `points` points: means of as many neighbours as that takes.
pub fn thinned(curve: &[(f64, f64)], points: usize) -> Vec<(f64, f64)> {
    let together = curve.len().div_ceil(points).max(1);
    let mean = |points: &[(f64, f64)]| {
        let count = points.len() as f64;
        let sum = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        (sum.0 / count, sum.1 / count)
    };
    curve.chunks(together).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_curve_is_thinned_to_its_means() {
        let curve: Vec<_> = (0..1000).map(|x| (f64::from(x), 2.0)).collect();
        let thin = thinned(&curve, 400);
        assert_eq!((thin.len(), thin[0], thin[333]), (334, (1.0, 2.0), (999.0, 2.0)));
        assert_eq!(thinned(&curve[..400], 400), curve[..400]);
        assert!(thinned(&[], 400).is_empty());
    }
}
