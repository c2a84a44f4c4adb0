//! Who is let in: pages that came from here, under this machine's own names. Without it any page that the user visits could
//! ask here (another origin), or become of this origin by giving its name this machine's address (DNS rebinding).

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// What stands above every answer. Scripts, styles and requests are this server's own; pictures come within its answers.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Lets a request through to `next` if it is to this server on `port`, and from its own page or from no page.
pub async fn guard(State(port): State<u16>, request: Request, next: Next) -> Response {
    let mut response = match is_own(request.method(), request.headers(), port) {
        true => next.run(request).await,
        false => {
            (StatusCode::FORBIDDEN, "only its own page may ask here: type its address into the browser\n")
                .into_response()
        }
    };
    let headers = HEADERS.map(|(name, value)| (name, HeaderValue::from_static(value)));
    response.headers_mut().extend(headers);
    response
}

fn is_own(method: &Method, headers: &HeaderMap, port: u16) -> bool {
    let all = |name| headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let is_host = |host: &[u8]| {
        // A browser leaves out the port that http has by itself.
        let ports = [format!(":{port}"), String::new()];
        let ports = &ports[..if port == 80 { 2 } else { 1 }];
        let mut names = ["127.0.0.1", "[::1]", "localhost"].into_iter();
        names.any(|name| {
            ports.iter().any(|port| host.eq_ignore_ascii_case(format!("{name}{port}").as_bytes()))
        })
    };
    let is_origin = |origin: &[u8]| origin.strip_prefix(b"http://").is_some_and(is_host);
    let says = |name, value: &[u8]| all(HeaderName::from_static(name)).eq([value]);
    // Whoever follows a link comes from another page, and sees this one whole.
    let is_visit =
        *method == Method::GET && says("sec-fetch-mode", b"navigate") && says("sec-fetch-dest", b"document");
    let is_site = |site: &[u8]| is_visit || matches!(site, b"same-origin" | b"none");
    all(header::HOST).count() == 1
        && all(header::HOST).all(is_host)
        && all(header::ORIGIN).all(is_origin)
        && all(HeaderName::from_static("sec-fetch-site")).all(is_site)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_own_page_is_let_in_a_link_to_it_is_followed_and_others_are_kept_out() {
        let (host, cross) = (("host", "localhost:1"), ("sec-fetch-site", "cross-site"));
        let navigate = ("sec-fetch-mode", "navigate");
        let [document, frame] = ["document", "iframe"].map(|what| ("sec-fetch-dest", what));
        let (get, post) = (Method::GET, Method::POST);
        for (expected, method, port, lines) in [
            (true, &post, 8028, &[("host", "127.0.0.1:8028")][..]),
            (true, &post, 8028, &[("host", "[::1]:8028")]),
            (true, &post, 8028, &[("host", "LocalHost:8028")]),
            (true, &post, 80, &[("host", "localhost")]),
            (true, &post, 1, &[host, ("origin", "http://localhost:1"), ("sec-fetch-site", "same-origin")]),
            (true, &get, 1, &[host, cross, navigate, document]),
            (false, &post, 1, &[host, cross, navigate, document]),
            (false, &get, 1, &[host, cross, navigate, frame]),
            (false, &post, 1, &[]),
            (false, &post, 1, &[("host", "localhost")]),
            (false, &post, 1, &[("host", "localhost:2")]),
            (false, &post, 1, &[("host", "evil.example:1")]),
            (false, &post, 1, &[("host", "127.0.0.1.evil.example:1")]),
            (false, &post, 1, &[("host", "0.0.0.0:1")]),
            (false, &post, 1, &[host, ("host", "evil.example")]),
            (false, &post, 1, &[host, ("origin", "https://localhost:1")]),
            (false, &post, 1, &[host, ("origin", "http://evil.example")]),
            (false, &post, 1, &[host, ("origin", "null")]),
            (false, &post, 1, &[host, ("origin", "http://localhost:1"), ("origin", "http://evil.example")]),
            (false, &post, 1, &[host, cross]),
            (false, &post, 1, &[host, ("sec-fetch-site", "same-site")]),
        ] {
            let mut headers = HeaderMap::new();
            for &(name, value) in lines {
                headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            assert_eq!(is_own(method, &headers, port), expected, "{method} {lines:?}");
        }
    }
}
