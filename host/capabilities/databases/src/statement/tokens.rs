//! The words of a statement, and what is not words: quoted texts, comments, numbers.

use crate::dialect::Dialect;

/// Highest placeholder. PostgreSQL counts parameters in 16 bits.
const PLACEHOLDERS: usize = 65_535;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Word(&'a str),
    Placeholder(usize),
    /// One of another kind: `?`, `:name`, `$0`.
    OtherPlaceholder(&'a str),
    Open,
    End,
    Other,
}

/// The tokens of a text, as far as they matter here.
pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
    dialect: Dialect,
}

fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || !byte.is_ascii()
}

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a str, dialect: Dialect) -> Self {
        Self { text, at: 0, dialect }
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn take_while(&mut self, is: impl Fn(u8) -> bool) -> &'a str {
        let length = self.rest().iter().take_while(|byte| is(**byte)).count();
        let taken = self.text.get(self.at..self.at + length).unwrap_or_default();
        self.at += length;
        taken
    }

    /// Goes on behind the next occurrence, or to the end.
    fn skip_past(&mut self, what: &[u8]) {
        let rest = self.rest();
        let found = rest.windows(what.len().max(1)).position(|window| window == what);
        self.at += found.map_or(rest.len(), |at| at + what.len());
    }

    fn skip_blank(&mut self) {
        loop {
            self.take_while(|byte| byte.is_ascii_whitespace() || byte == 0x0b);
            match self.rest() {
                [b'-', b'-', ..] => {
                    let postgres = self.dialect == Dialect::Postgres;
                    self.take_while(|byte| byte != b'\n' && !(postgres && byte == b'\r'));
                }
                [b'/', b'*', ..] => {
                    self.at += 2;
                    match self.dialect {
                        Dialect::Sqlite => self.skip_past(b"*/"),
                        Dialect::Postgres => self.skip_nested_comment(),
                    }
                }
                _ => return,
            }
        }
    }

    fn skip_nested_comment(&mut self) {
        let mut depth = 1_usize;
        while depth > 0 {
            match self.rest() {
                [] => return,
                [b'/', b'*', ..] => (depth, self.at) = (depth + 1, self.at + 2),
                [b'*', b'/', ..] => (depth, self.at) = (depth - 1, self.at + 2),
                _ => self.at += 1,
            }
        }
    }

    /// Goes on behind a quoted text, whose first quote is next. A quote that is
    /// doubled ends it and begins another, which comes to the same.
    fn skip_quoted(&mut self, quote: u8, backslashes: bool) {
        self.at += 1;
        loop {
            self.take_while(|byte| byte != quote && !(backslashes && byte == b'\\'));
            match self.rest() {
                [b'\\', _, ..] if backslashes => self.at += 2,
                [] => return,
                _ => {
                    self.at += 1;
                    return;
                }
            }
        }
    }

    /// What a `$` begins, which is next.
    fn dollar(&mut self) -> Token<'a> {
        let start = self.at;
        self.at += 1;
        let name = match self.dialect {
            Dialect::Sqlite => self.take_while(in_word),
            Dialect::Postgres => self.take_while(|byte| byte.is_ascii_digit()),
        };
        if self.dialect == Dialect::Postgres && name.is_empty() {
            // A quoted text between two tags: `$$ … $$`, `$tag$ … $tag$`.
            self.take_while(|byte| byte != b'$' && in_word(byte));
            if self.rest().first() == Some(&b'$') {
                self.at += 1;
                let tag = self.text.get(start..self.at).unwrap_or_default();
                self.skip_past(tag.as_bytes());
                return Token::Other;
            }
        }
        let number = name.parse().ok().filter(|number| (1..=PLACEHOLDERS).contains(number));
        number.map_or_else(
            || Token::OtherPlaceholder(self.text.get(start..self.at).unwrap_or_default()),
            Token::Placeholder,
        )
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blank();
        let sqlite = self.dialect == Dialect::Sqlite;
        let (start, rest) = (self.at, self.rest());
        let following = rest.get(1).copied().unwrap_or_default();
        match *rest.first()? {
            b';' => {
                self.at += 1;
                return Some(Token::End);
            }
            b'(' => {
                self.at += 1;
                return Some(Token::Open);
            }
            b'$' => return Some(self.dollar()),
            quote @ (b'\'' | b'"') => self.skip_quoted(quote, false),
            b'`' if sqlite => self.skip_quoted(b'`', false),
            b'[' if sqlite => self.skip_past(b"]"),
            b'?' | b':' | b'@' | b'#'
                if sqlite && (rest.starts_with(b"?") || in_word(following)) =>
            {
                self.at += 1;
                self.take_while(in_word);
                let name = self.text.get(start..self.at).unwrap_or_default();
                return Some(Token::OtherPlaceholder(name));
            }
            byte if byte.is_ascii_digit() => {
                self.take_while(in_word);
            }
            byte if in_word(byte) => {
                let word = self.take_while(in_word);
                if !sqlite && word.eq_ignore_ascii_case("e") && self.rest().starts_with(b"'") {
                    self.skip_quoted(b'\'', true);
                    return Some(Token::Other);
                }
                return Some(Token::Word(word));
            }
            _ => self.at += 1,
        }
        Some(Token::Other)
    }
}
