//! Bytes to text.

use encoding_rs::{CoderResult, Encoding};

/// A decoder that a guest holds a handle of. It counts against the handles of its store.
#[expect(unreachable_pub, reason = "the generated bindings export it again, for this crate alone")]
pub struct Decoder {
    encoding: &'static Encoding,
    fatal: bool,
    keep_bom: bool,
    state: encoding_rs::Decoder,
}

impl Decoder {
    /// None when there is no such encoding.
    pub(super) fn new(encoding: &str, fatal: bool, keep_bom: bool) -> Option<Self> {
        let encoding = Encoding::for_label_no_replacement(encoding.as_bytes())?;
        let state = beginning(encoding, keep_bom);
        Some(Self { encoding, fatal, keep_bom, state })
    }

    /// The text of some more bytes; after the last ones another text may begin.
    /// None when they are malformed and that is fatal.
    pub(super) fn decode(&mut self, bytes: &[u8], last: bool) -> Option<String> {
        // It never is more than the length of what is to be allocated.
        let room = self.state.max_utf8_buffer_length(bytes.len())?;
        let mut text = String::with_capacity(room);
        let well_formed = if self.fatal {
            let (result, _) =
                self.state.decode_to_string_without_replacement(bytes, &mut text, last);
            matches!(result, encoding_rs::DecoderResult::InputEmpty)
        } else {
            let (result, _, _) = self.state.decode_to_string(bytes, &mut text, last);
            matches!(result, CoderResult::InputEmpty)
        };
        if last || !well_formed {
            self.state = beginning(self.encoding, self.keep_bom);
        }
        text.shrink_to_fit();
        well_formed.then_some(text)
    }
}

/// A decoder before its first byte.
fn beginning(encoding: &'static Encoding, keep_bom: bool) -> encoding_rs::Decoder {
    if keep_bom {
        encoding.new_decoder_without_bom_handling()
    } else {
        encoding.new_decoder_with_bom_removal()
    }
}
