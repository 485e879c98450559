//! What is asked for in a locale's way is right, or an error that says what is missing.

use distri_host::ToolCall;
use distri_testing::{Sandbox, tool};
use serde_json::Value;

const WHEN: &str = "new Date(Date.UTC(2026, 10, 25, 13, 5, 9))";

#[tokio::test]
async fn a_locales_text_is_right_or_an_error() {
    let date = |call: &str| format!("{WHEN}.{call}");
    let english = r#""en-US""#;
    // The right ones are what Node 20 gives, with all of Intl, in UTC.
    let right = [
        ("(1234567.891).toLocaleString()".to_owned(), "1,234,567.891"),
        ("(-1234.5).toLocaleString('en')".to_owned(), "-1,234.5"),
        ("(1.0005).toLocaleString()".to_owned(), "1.001"),
        ("(1e21).toLocaleString('en-US')".to_owned(), "1,000,000,000,000,000,000,000"),
        ("(0.5).toLocaleString('en-US', { style: 'percent' })".to_owned(), "50%"),
        (
            "(1234.5).toLocaleString('en-US', { style: 'currency', currency: 'USD' })".to_owned(),
            "$1,234.50",
        ),
        ("(2).toLocaleString(undefined, { minimumFractionDigits: 2 })".to_owned(), "2.00"),
        ("(12n ** 20n).toLocaleString()".to_owned(), "3,833,759,992,447,475,122,176"),
        (
            "[1234.5, null, 1e6].toLocaleString('en-US', { minimumFractionDigits: 1 })".to_owned(),
            "1,234.5,,1,000,000.0",
        ),
        ("new Float64Array([1234.5]).toLocaleString()".to_owned(), "1,234.5"),
        (date("toLocaleString()"), "11/25/2026, 1:05:09 PM"),
        (date(&format!("toLocaleDateString({english}, {{ timeZone: 'UTC' }})")), "11/25/2026"),
        (date("toLocaleTimeString([])"), "1:05:09 PM"),
        ("new Date(NaN).toLocaleString()".to_owned(), "Invalid Date"),
        (
            "['z', 'ä', 'a', 'Z', 'Ö', 'o'].sort((a, b) => a.localeCompare(b, 'de')).join('')"
                .to_owned(),
            "aäoÖzZ",
        ),
        (
            "['b', 'a', 'C', '_', '1'].sort((a, b) => a.localeCompare(b)).join('')".to_owned(),
            "_1abC",
        ),
        ("'résumé'.localeCompare('Resume', undefined, { sensitivity: 'base' })".to_owned(), "0"),
        ("'ж'.localeCompare('ж')".to_owned(), "0"),
        ("'straße'.toLocaleUpperCase('de')".to_owned(), "STRASSE"),
        ("'I'.toLocaleLowerCase()".to_owned(), "i"),
        ("'e\\u0301'.normalize('NFC').length".to_owned(), "1"),
    ];
    let told = [
        ("(1).toLocaleString('de-DE')".to_owned(), "locale \"de-DE\""),
        ("(1).toLocaleString('en-GB')".to_owned(), "locale \"en-GB\""),
        (
            "(1).toLocaleString('de-DE', { style: 'currency', currency: 'EUR' })".to_owned(),
            "locale \"de-DE\"",
        ),
        (
            "(1).toLocaleString('en-US', { style: 'currency', currency: 'CHF' })".to_owned(),
            "currency: \"CHF\"",
        ),
        ("(1).toLocaleString('en-US', { style: 'unit', unit: 'liter' })".to_owned(), "option unit"),
        (
            "(1).toLocaleString('en-US', { notation: 'compact' })".to_owned(),
            "notation: \"compact\"",
        ),
        ("(1n).toLocaleString('fr')".to_owned(), "locale \"fr\""),
        ("[1].toLocaleString('de')".to_owned(), "locale \"de\""),
        (date("toLocaleString('de-DE')"), "locale \"de-DE\""),
        (date("toLocaleString('en-US', { timeZone: 'Asia/Tokyo' })"), "timeZone: \"Asia/Tokyo\""),
        (date("toLocaleTimeString('en-US', { hour12: false })"), "hour12: false"),
        (date("toLocaleDateString('en-US', { dateStyle: 'long' })"), "dateStyle: \"long\""),
        (date("toLocaleDateString(['sv', 'en-US'])"), "locale \"sv\""),
        ("'a'.localeCompare('b', 'sv')".to_owned(), "the order of \"sv\""),
        ("'a'.localeCompare('ж')".to_owned(), "the order of \"ж\""),
        ("'a2'.localeCompare('a10', undefined, { numeric: true })".to_owned(), "numeric: true"),
        ("'i'.toLocaleUpperCase('tr')".to_owned(), "the case of \"tr\""),
        ("'I'.toLocaleLowerCase(['lt'])".to_owned(), "the case of \"lt\""),
        ("(1).toLocaleString('no_such')".to_owned(), "Incorrect locale information"),
        ("new (globalThis as any).Intl.NumberFormat('en-US').format(1)".to_owned(), "NumberFormat"),
        ("new Intl.NumberFormat('en-US').format(1)".to_owned(), "Intl"),
    ];
    let ways: Vec<String> =
        right.iter().chain(&told).map(|(expression, _)| format!("() => {expression},\n")).collect();
    let sandbox = Sandbox::with_plugin(&tool(
        "show",
        &format!(
            "declare const Intl: any;\nconst ways = [{}];\n\
             return ways.map((way) => {{ try {{ return String(way()); }} catch (e) {{ return String(e); }} }});",
            ways.concat()
        ),
    ));
    let host = sandbox.host(());
    let answer = host.execute_tool("p", "show", ToolCall::new("{}")).await.unwrap();
    assert_eq!(answer.error, None);
    let shown: Value = serde_json::from_str(&answer.result).unwrap();
    for ((expression, expected), shown) in right.iter().zip(shown.as_array().unwrap()) {
        assert_eq!(shown, *expected, "{expression}");
    }
    for ((expression, told), shown) in told.iter().zip(&shown.as_array().unwrap()[right.len()..]) {
        let shown = shown.as_str().unwrap();
        assert!(shown.contains("Error: ") && shown.contains(told), "{expression}: {shown}");
    }
}

/// The line is the plugin's own, not the SDK's.
#[test]
fn what_is_missing_is_told_with_the_line_that_asked_for_it() {
    let sandbox = Sandbox::with_plugin(&tool("show", "\n\nreturn (5).toLocaleString('de-DE');"));
    sandbox.build();
    sandbox.distri(&["call", "p/show"]).fails(
        1,
        &["the locale \"de-DE\" is not available", "index.ts:6", "build the text with toFixed()"],
    );
}
