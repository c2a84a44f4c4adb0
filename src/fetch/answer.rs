//! What a server's answer means for a transfer: the whole file, the rest of it, or neither.

use super::retry;
use super::transfer_error::TransferCause;
use reqwest::StatusCode;
use reqwest::header::{
    CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, LAST_MODIFIED,
    RETRY_AFTER,
};

/// What the body that follows is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The file from its first byte.
    Whole {
        /// Its size, where announced.
        total: Option<u64>,
        /// What a later request for the rest can be bound to.
        validator: Option<HeaderValue>,
    },
    /// What follows the bytes that arrived already.
    Rest,
    /// No use: not the part asked for. The transfer has to begin again.
    Contradiction(String),
}

/// What earlier tries brought, of which file.
#[derive(Debug, Default)]
pub(super) struct Begun {
    /// Bytes of the file that have arrived.
    pub(super) received: u64,
    /// The file's size, where announced.
    pub(super) total: Option<u64>,
    /// What tells that file from a later one; without it nothing is resumed.
    pub(super) validator: Option<HeaderValue>,
}

impl Answer {
    /// Reads the head of an answer to a request for what is missing after `begun`.
    pub(super) fn of(status: StatusCode, headers: &HeaderMap, begun: &Begun) -> Result<Self, TransferCause> {
        let received = begun.received;
        if !status.is_success() {
            // Only a range can be unsatisfiable; from the first byte the file may well be had.
            if status == StatusCode::RANGE_NOT_SATISFIABLE && received > 0 {
                return Ok(Self::Contradiction(
                    "the server no longer has the part that is missing".into(),
                ));
            }
            let retry_after = text(headers, RETRY_AFTER).and_then(retry::retry_after);
            return Err(TransferCause::Status { status, retry_after });
        }
        if text(headers, CONTENT_TYPE).is_some_and(is_html) {
            return Err(TransferCause::HtmlPage);
        }
        Ok(match status {
            StatusCode::OK => Self::Whole {
                total: text(headers, CONTENT_LENGTH).and_then(|length| length.parse().ok()),
                validator: validator(headers),
            },
            StatusCode::PARTIAL_CONTENT => match text(headers, CONTENT_RANGE).and_then(ContentRange::parse) {
                Some(range) if range.continues(begun) && is_same_file(headers, begun) => Self::Rest,
                _ => Self::Contradiction("the server sent another part than was asked for".into()),
            },
            other => Self::Contradiction(format!("the server answered {other}, which holds no file")),
        })
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn is_html(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("text/html") || kind.eq_ignore_ascii_case("application/xhtml+xml")
}

/// The entity tag unless it is weak (RFC 9110, 13.1.5: those do not vouch for bytes), else the time of modification.
fn validator(headers: &HeaderMap) -> Option<HeaderValue> {
    headers
        .get(ETAG)
        .filter(|tag| !tag.as_bytes().starts_with(b"W/"))
        .or_else(|| headers.get(LAST_MODIFIED))
        .cloned()
}

/// `If-Range` should see to it; this catches a server that overlooks it.
fn is_same_file(headers: &HeaderMap, begun: &Begun) -> bool {
    match (validator(headers), &begun.validator) {
        (Some(now), Some(then)) => now == then,
        _ => true,
    }
}

/// `Content-Range: bytes FIRST-LAST/TOTAL`, where `*` stands for an unknown total.
struct ContentRange {
    first: u64,
    last: u64,
    total: Option<u64>,
}

impl ContentRange {
    fn parse(text: &str) -> Option<Self> {
        let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        Some(Self {
            first: first.parse().ok()?,
            last: last.parse().ok()?,
            total: if total == "*" {
                None
            } else {
                Some(total.parse().ok()?)
            },
        })
    }

    /// Whether this is all that is missing of the very file that was begun.
    fn continues(&self, begun: &Begun) -> bool {
        let size = self.total.or(begun.total);
        begun.received > 0
            && self.first == begun.received
            && self.first <= self.last
            && (self.total.is_none() || begun.total.is_none() || self.total == begun.total)
            && size.is_none_or(|size| self.last.checked_add(1) == Some(size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect()
    }

    fn partial(pairs: &[(HeaderName, &'static str)]) -> Answer {
        let begun = Begun {
            received: 10,
            total: Some(30),
            validator: Some(HeaderValue::from_static("\"a\"")),
        };
        Answer::of(StatusCode::PARTIAL_CONTENT, &headers(pairs), &begun).unwrap()
    }

    #[test]
    fn takes_only_the_part_that_is_missing() {
        let ranged = |range| partial(&[(CONTENT_RANGE, range)]);
        assert_eq!(ranged("bytes 10-29/30"), Answer::Rest);
        assert_eq!(ranged("bytes 10-29/*"), Answer::Rest);
        for wrong in [
            "bytes 0-29/30",
            "bytes 10-28/30",
            "bytes 10-29/31",
            "bytes 10-30/*",
            "bytes 11-29/30",
            "bytes 10-9/10",
            "bytes 10-18446744073709551615/*",
            "bytes */30",
            "items 10-29/30",
            "",
        ] {
            assert!(matches!(ranged(wrong), Answer::Contradiction(_)), "{wrong}");
        }
    }

    #[test]
    fn takes_no_part_of_another_file() {
        let tagged = |tag| partial(&[(CONTENT_RANGE, "bytes 10-29/30"), (ETAG, tag)]);
        assert_eq!(tagged("\"a\""), Answer::Rest);
        assert!(matches!(tagged("\"b\""), Answer::Contradiction(_)));
    }

    #[test]
    fn a_part_that_nobody_asked_for_is_no_file() {
        let headers = headers(&[(CONTENT_RANGE, "bytes 0-29/30")]);
        let answer = Answer::of(StatusCode::PARTIAL_CONTENT, &headers, &Begun::default());
        assert!(matches!(answer, Ok(Answer::Contradiction(_))));
    }

    #[test]
    fn binds_to_a_strong_tag_or_a_date() {
        let of = |pairs: &[(HeaderName, &'static str)]| validator(&headers(pairs));
        let date = HeaderValue::from_static("Sat, 01 Jan 2000 00:00:00 GMT");
        assert_eq!(of(&[(ETAG, "\"a\"")]), Some(HeaderValue::from_static("\"a\"")));
        assert_eq!(
            of(&[
                (ETAG, "W/\"a\""),
                (LAST_MODIFIED, "Sat, 01 Jan 2000 00:00:00 GMT")
            ]),
            Some(date)
        );
        assert_eq!(of(&[(ETAG, "W/\"a\"")]), None);
    }

    #[test]
    fn knows_a_page_from_a_file() {
        let page = headers(&[(CONTENT_TYPE, "Text/HTML; charset=utf-8")]);
        let answer = Answer::of(StatusCode::OK, &page, &Begun::default());
        assert!(matches!(answer, Err(TransferCause::HtmlPage)));
    }
}
