//! `distri:plugin/url` and `distri:plugin/text-codec`: what script engines lack of
//! the web platform and what would be large and slow in a script. Pure functions
//! that no grant is needed for, while a plugin is being built too.

mod bindings;
mod decoder;

use encoding_rs::Encoding;
use url::{Url, quirks};
use wasmtime::component::{HasData, Linker, Resource, ResourceTable};

use crate::bindings::distri::plugin::{text_codec, url as web_url};
use crate::decoder::Decoder;

/// Longest address that is parsed, and longest part that is set, in bytes. Parsing
/// takes time in proportion; past it nothing is an address.
const ADDRESS: usize = 4 << 20;

/// What a store has for its guest's decoders.
pub struct WebCtx<'a> {
    /// Where its decoders are.
    pub table: &'a mut ResourceTable,
}

/// A store whose guest may ask for them.
pub trait WebView: Send + 'static {
    /// What it has for them.
    fn web(&mut self) -> WebCtx<'_>;
}

struct HasWeb;

impl HasData for HasWeb {
    type Data<'a> = WebCtx<'a>;
}

/// Links both interfaces.
pub fn add_to_linker<T: WebView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    web_url::add_to_linker::<T, HasWeb>(linker, T::web)?;
    text_codec::add_to_linker::<T, HasWeb>(linker, T::web)
}

impl web_url::Host for WebCtx<'_> {
    fn parse(
        &mut self,
        input: String,
        base: Option<String>,
    ) -> wasmtime::Result<Option<web_url::Parts>> {
        Ok(parse(&input, base.as_deref()).as_ref().map(parts))
    }

    fn set(
        &mut self,
        href: String,
        part: web_url::Part,
        value: String,
    ) -> wasmtime::Result<Option<web_url::Parts>> {
        Ok(set(&href, part, &value).as_ref().map(parts))
    }
}

fn parse(input: &str, base: Option<&str>) -> Option<Url> {
    if input.len() > ADDRESS {
        return None;
    }
    match base {
        Some(base) => parse(base, None)?.join(input).ok(),
        None => Url::parse(input).ok(),
    }
}

/// The address with one part set. What does not fit leaves it as it is.
fn set(href: &str, part: web_url::Part, value: &str) -> Option<Url> {
    let mut url = parse(href, None)?;
    if value.len() > ADDRESS {
        return None;
    }
    // A setter that refuses has changed nothing.
    let _ = match part {
        web_url::Part::Href => return parse(value, None),
        web_url::Part::Protocol => quirks::set_protocol(&mut url, value),
        web_url::Part::Username => quirks::set_username(&mut url, value),
        web_url::Part::Password => quirks::set_password(&mut url, value),
        web_url::Part::Host => quirks::set_host(&mut url, value),
        web_url::Part::Hostname => quirks::set_hostname(&mut url, value),
        web_url::Part::Port => quirks::set_port(&mut url, value),
        web_url::Part::Pathname => {
            quirks::set_pathname(&mut url, value);
            Ok(())
        }
        web_url::Part::Search => {
            quirks::set_search(&mut url, value);
            Ok(())
        }
        web_url::Part::Hash => {
            quirks::set_hash(&mut url, value);
            Ok(())
        }
    };
    Some(url)
}

/// An address by its parts.
fn parts(url: &Url) -> web_url::Parts {
    web_url::Parts {
        href: quirks::href(url).to_owned(),
        origin: quirks::origin(url),
        protocol: quirks::protocol(url).to_owned(),
        username: quirks::username(url).to_owned(),
        password: quirks::password(url).to_owned(),
        host: quirks::host(url).to_owned(),
        hostname: quirks::hostname(url).to_owned(),
        port: quirks::port(url).to_owned(),
        pathname: quirks::pathname(url).to_owned(),
        search: quirks::search(url).to_owned(),
        hash: quirks::hash(url).to_owned(),
    }
}

impl text_codec::Host for WebCtx<'_> {
    fn encoding(&mut self, label: String) -> wasmtime::Result<Option<String>> {
        let encoding = Encoding::for_label_no_replacement(label.as_bytes());
        Ok(encoding.map(|encoding| encoding.name().to_ascii_lowercase()))
    }

    fn encode(&mut self, text: String) -> wasmtime::Result<Vec<u8>> {
        Ok(text.into_bytes())
    }
}

impl text_codec::HostDecoder for WebCtx<'_> {
    fn new(
        &mut self,
        encoding: String,
        fatal: bool,
        keep_bom: bool,
    ) -> wasmtime::Result<Resource<Decoder>> {
        let decoder = Decoder::new(&encoding, fatal, keep_bom)
            .ok_or_else(|| wasmtime::Error::msg("there is no encoding with this name"))?;
        Ok(self.table.push(decoder)?)
    }

    fn decode(
        &mut self,
        decoder: Resource<Decoder>,
        bytes: Vec<u8>,
        last: bool,
    ) -> wasmtime::Result<Option<String>> {
        Ok(self.table.get_mut(&decoder)?.decode(&bytes, last))
    }

    fn drop(&mut self, decoder: Resource<Decoder>) -> wasmtime::Result<()> {
        self.table.delete(decoder)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What takes time in proportion to the square of four million takes for ever.
    #[test]
    fn addresses_of_megabytes_are_parsed_in_proportion() {
        let long = |part: &str| part.repeat((ADDRESS - 100) / part.len());
        for part in [
            "a", "/", "/a/..", "../", "/.", "a.", "ä", "ä.", "@", ":", "?", "#", "%", "\\", "[",
            "xn--a", "\t",
        ] {
            for before in [
                "",
                "http://",
                "http://a/",
                "file:///",
                "file://",
                "data:",
                "a:",
                "http://a@",
                "http://[",
                "http://a:",
            ] {
                let text = format!("{before}{}", long(part));
                let _ = parse(&text, None);
                let _ = parse(&text, Some("http://a/b/c"));
            }
            let part = long(part);
            for which in [
                web_url::Part::Protocol,
                web_url::Part::Username,
                web_url::Part::Password,
                web_url::Part::Host,
                web_url::Part::Hostname,
                web_url::Part::Port,
                web_url::Part::Pathname,
                web_url::Part::Search,
                web_url::Part::Hash,
            ] {
                let _ = set("http://user:password@a:80/b?c#d", which, &part);
            }
        }
    }
}
