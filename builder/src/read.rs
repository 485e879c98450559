//! Where a field was read that was not there. The engine keeps the place of the last
//! call or variable; the bundler puts a variable's value where it is used once, so
//! that many a read comes right after a call of the line before. What stands next in
//! the script tells.

/// How far behind the place that the engine knows a field may be read, in bytes: a
/// call's arguments lie between them.
const REACH: usize = 4000;

/// What the engine says, around the field's name.
const SAYS: [&str; 2] = ["cannot read property '", "cannot set property '"];

/// What it says of a pattern that takes fields out of nothing.
const UNPACKED: &str = "convert undefined or null to object";

/// What it says of what cannot be iterated.
const ITERATED: [&str; 2] = ["'Symbol.iterator'", "is not iterable"];

/// What iterates in such a script.
const ITERATIONS: [&str; 3] = ["...", " of ", " of["];

/// How such a pattern begins in a script without white space.
const PATTERNS: [&str; 3] = ["const{", "let{", "var{"];

/// The column of what failed with this message in a line of the script, where the
/// engine says `column` (from 0) of `function`; that column where nothing better is
/// known.
pub(crate) fn column(line: &str, message: &str, function: &str, column: u32) -> u32 {
    let found = || {
        let field = SAYS
            .iter()
            .find_map(|says| message.split_once(says))
            .and_then(|(_, rest)| Some(rest.split_once('\'')?.0));
        let patterns = if ITERATED.iter().any(|says| message.contains(says)) {
            ITERATIONS.as_slice()
        } else if message.contains(UNPACKED) {
            PATTERNS.as_slice()
        } else {
            &[]
        };
        if field.is_none() && patterns.is_empty() {
            return None;
        }
        let read = |from: usize| {
            let text = line.get(from..)?;
            let text = text.get(..text.floor_char_boundary(REACH)).unwrap_or(text);
            match field {
                Some(field) if patterns.is_empty() => read_of(text, field),
                _ => patterns.iter().filter_map(|pattern| text.find(pattern)).min(),
            }
        };
        let at = |from: usize| Some(from + read(from)?);
        if column > 0 {
            return at(column as usize);
        }
        // What has no place of its own at all has that of the script: it is in a function
        // of this name, the one that the read is nearest to.
        functions(line, function)
            .filter_map(|from| Some((read(from)?, from)))
            .min()
            .map(|(it, from)| from + it)
    };
    found().and_then(|column| u32::try_from(column).ok()).unwrap_or(column)
}

/// Where a text first reads a field of this name.
fn read_of(text: &str, field: &str) -> Option<usize> {
    text.match_indices(field).find_map(|(at, _)| {
        let after = text.get(at + field.len()..)?;
        let ends = !after.starts_with(is_part_of_name);
        let before = text.get(..at)?;
        let dotted = before.ends_with('.') && ends;
        let quoted =
            before.ends_with(['"', '\'', '`']) && before.get(..before.len() - 1)?.ends_with('[');
        // A pattern takes fields out of what stands behind it.
        let unpacked = before.ends_with(['{', ',']) && after.starts_with([':', ',', '}', '=']);
        (dotted || quoted || unpacked).then_some(at)
    })
}

/// Where functions of this name may be.
fn functions<'a>(line: &'a str, name: &'a str) -> impl Iterator<Item = usize> {
    let named = !name.is_empty() && name.chars().all(is_part_of_name);
    line.match_indices(name).filter(move |_| named).filter_map(move |(at, _)| {
        let before = line.get(..at)?;
        let after = line.get(at + name.len()..)?;
        let begins = !before.ends_with(|c| is_part_of_name(c) || c == '.');
        (begins && after.starts_with([':', '(', '='])).then_some(at)
    })
}

fn is_part_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

#[cfg(test)]
mod tests {
    use super::*;

    const NULL: &str = "TypeError: cannot read property 'field' of null";

    #[track_caller]
    fn found(line: &str, function: &str, from: &str, at: &str) {
        let place = |text| u32::try_from(line.find(text).unwrap()).unwrap();
        let from = if from.is_empty() { 0 } else { place(from) };
        assert_eq!(column(line, NULL, function, from), place(at), "{line}");
    }

    #[test]
    fn a_read_after_a_call_is_found() {
        found("a.field;return JSON.parse(`x`).field}", "f", "parse", "field}");
        found("return f(a.fields,1)[`field`]", "f", "f(", "field`");
        found("x;let{a:b,field:c}=f()", "f", "let", "field:");
    }

    #[test]
    fn a_read_in_a_function_without_calls_is_found() {
        found("x.field;local:()=>{return(void 0).field}", "local", "", "field}");
        found("local:()=>{1+1+1},local:()=>{x.field}", "local", "", "field}");
        found("f(1);f:()=>{x.field}", "f", "", "field}");
    }

    #[test]
    fn a_pattern_that_takes_fields_out_of_nothing_is_found() {
        let line = "f(1);let a=2,b;const{c}=a";
        let says = "TypeError: Cannot convert undefined or null to object";
        assert_eq!(
            column(line, says, "f", 1),
            u32::try_from(line.find("const{").unwrap()).unwrap()
        );
    }

    #[test]
    fn what_cannot_be_iterated_is_found() {
        let line = "f(1);let a=b;return[...a]";
        for says in ["cannot read property 'Symbol.iterator' of null", "value is not iterable"] {
            assert_eq!(
                column(line, says, "f", 1),
                u32::try_from(line.find("...").unwrap()).unwrap()
            );
        }
    }

    #[test]
    fn what_is_not_found_stays_where_it_was() {
        for (line, function) in [("a;b", "f"), ("f(1);f:()=>{x}", "f"), ("é.field", "")] {
            assert_eq!(column(line, NULL, function, 0), 0, "{line}");
        }
        assert_eq!(column("a.field", "RangeError: field", "f", 1), 1);
        assert_eq!(column("a.field", NULL, "f", 4000), 4000);
    }
}
