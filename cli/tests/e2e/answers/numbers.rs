//! Numbers come through a TypeScript plugin as every other engine has them.

use distri_host::{Host, ToolCall};
use distri_testing::{Sandbox, tool};
use serde_json::Value;

/// A number's text by ECMA-262, `Number::toString`. Its digits are those of `serde_json`,
/// which of two that are as near takes the even one, as other engines do.
fn ecmascript(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    let text = serde_json::to_string(&number.abs()).unwrap();
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let written = format!("{whole}{fraction}");
    let zeros = written.len() - written.trim_start_matches('0').len();
    let digits = written.trim_matches('0').to_owned();
    let places = i32::try_from(whole.len()).unwrap() - i32::try_from(zeros).unwrap();
    let (count, point) = (digits.len(), exponent.parse::<i32>().unwrap() + places);
    let split = |at: usize| format!("{}.{}", &digits[..at], &digits[at..]);
    let text = match usize::try_from(point) {
        Ok(point @ 1..=21) if count <= point => format!("{digits}{}", "0".repeat(point - count)),
        Ok(point @ 1..=21) => split(point),
        _ if (-5..=0).contains(&point) => {
            format!("0.{}{digits}", "0".repeat(usize::try_from(-point).unwrap()))
        }
        _ => {
            let sign = if point > 0 { "+" } else { "-" };
            let exponent = (point - 1).abs();
            let digits = if count == 1 { digits.clone() } else { split(1) };
            format!("{digits}e{sign}{exponent}")
        }
    };
    if number < 0.0 { format!("-{text}") } else { text }
}

/// All powers of two, whose neighbours are not equally far, edges, and many others.
fn doubles() -> Vec<f64> {
    let mut doubles = vec![
        0.0,
        5e-324,
        2.225_073_858_507_201_4e-308,
        f64::MAX,
        9_007_199_254_740_991.0,
        9_007_199_254_740_992.0,
        9_007_199_254_740_994.0,
        1e21,
        1e-6,
        1e-7,
        0.1,
        123_456_789.123,
    ];
    doubles.extend((1..2047_u64).map(|exponent| f64::from_bits(exponent << 52)));
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for at in 0..6000 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let any = f64::from_bits(state);
        // Of all sizes; of those that people use; with few digits.
        let double = match at % 3 {
            0 => any,
            1 => f64::from_bits(
                (state & 0x800f_ffff_ffff_ffff) | ((1000 + (state >> 52) % 60) << 52),
            ),
            _ => f64::from(u32::try_from(state % 1_000_000_000).unwrap()) / 1000.0,
        };
        if double.is_finite() {
            doubles.push(double);
        }
    }
    let opposites: Vec<f64> = doubles.iter().map(|double| -double).collect();
    doubles.extend(opposites);
    doubles
}

async fn call(host: &Host, input: String) -> String {
    let answer = host.execute_tool("p", "texts", ToolCall::new(input)).await.unwrap();
    assert_eq!(answer.error, None, "{}", answer.result);
    answer.result
}

#[tokio::test]
async fn every_double_has_its_shortest_text_and_comes_back_the_same() {
    let sandbox = Sandbox::with_plugin(&tool(
        "texts",
        "if (input.echo) return input.echo;\n\
         return input.map((n: number) => [String(n), n.toString(), JSON.stringify(n)]);",
    ));
    let host = sandbox.host(());
    for chunk in doubles().chunks(2000) {
        // With an exponent, for it is integers that an input may not have inexactly.
        let written: Vec<String> = chunk.iter().map(|double| format!("{double:e}")).collect();
        let input = format!("[{}]", written.join(","));
        let texts: Vec<[String; 3]> =
            serde_json::from_str(&call(&host, input.clone()).await).unwrap();
        for (double, texts) in chunk.iter().zip(&texts) {
            let expected = ecmascript(*double);
            assert_eq!(*texts, [expected.as_str(); 3], "{double:e}");
        }
        assert_eq!(texts.len(), chunk.len());
        let echoed = call(&host, format!("{{\"echo\":{input}}}")).await;
        let expected: Vec<String> = chunk.iter().map(|double| ecmascript(*double)).collect();
        assert_eq!(echoed, format!("[{}]", expected.join(",")));
    }
}

/// What is text stays text, whatever is in it.
#[tokio::test]
async fn only_numbers_are_written_anew() {
    let text = r#"a \" 5.9604644775390625e-8 \\"#;
    let sandbox = Sandbox::with_plugin(&tool("texts", "return input;"));
    let host = sandbox.host(());
    let input = format!(r#"{{"{text}":"{text}","b":[5.9604644775390625e-8,"x"]}}"#);
    let expected = format!(r#"{{"{text}":"{text}","b":[5.960464477539063e-8,"x"]}}"#);
    assert_eq!(call(&host, input).await, expected);
}

/// `String` is replaced: nobody is to notice.
#[tokio::test]
async fn strings_are_as_the_standard_has_them() {
    let sandbox = Sandbox::with_plugin(&tool(
        "texts",
        r#"
        class Mine extends String { twice() { return this + this; } }
        return [
            String(), String(undefined), String(null), String(Symbol("s")), String({}), String([1, [2]]), String(-0),
            [2 ** -24, true].map(String).join(), typeof new String("x"), new String(2 ** -24).valueOf(),
            "x".constructor === String, Object("x") instanceof String, String.raw`\n`, String.fromCharCode(65),
            new Mine("ab").twice(), new Mine("ab") instanceof Mine, String.name, String.length, typeof String.prototype.at,
            (255).toString(16), (0.5).toString(2), Object.keys(Number.prototype).length, new Number(2 ** -24).toString(),
        ];"#,
    ));
    let expected = serde_json::json!([
        "",
        "undefined",
        "null",
        "Symbol(s)",
        "[object Object]",
        "1,2",
        "0",
        "5.960464477539063e-8,true",
        "object",
        "5.960464477539063e-8",
        true,
        true,
        "\\n",
        "A",
        "abab",
        true,
        "String",
        1,
        "function",
        "ff",
        "0.1",
        0,
        "5.960464477539063e-8",
    ]);
    let given: Value = serde_json::from_str(&call(&sandbox.host(()), "{}".into()).await).unwrap();
    assert_eq!(given, expected);
}

/// An integer that a number does not hold is told, wherever it comes from.
#[tokio::test]
async fn integers_beyond_two_to_the_53_are_exact_or_told() {
    let sandbox = Sandbox::with_plugin(
        r#"
        import { callTool, getSessionValue } from "distri/workflow";
        const give = { name: "give", description: "", version: "0.1.0", execute: ({ input }: any) => raw(input) };
        const raw = (text: string) => (text.includes("whole") ? { toJSON: () => JSON.rawJSON("18446744073709551615") } : 1);
        export default { tools: [
          { name: "texts", description: "", execute: (input: any) => input, [Symbol.for("distri.parsed-input")]: true },
          { name: "nested", description: "", execute: () => callTool("p/give", { whole: 1 }) },
          give,
        ] };
        declare global { interface JSON { rawJSON(text: string): unknown } }
        "#,
    );
    let host = sandbox.host(());
    for exact in [
        "9007199254740991",
        "-9007199254740993.5",
        "9007199254740992",
        "[\"18446744073709551615\"]",
        "1234567890123456",
        "1e21",
        "{\"a\":1e+100}",
    ] {
        call(&host, exact.to_owned()).await;
    }
    let endless = format!("[{}]", "9".repeat(400));
    for (lost, told) in [
        (endless.as_str(), "`input[0]` is 9999999999"),
        (
            "9007199254740993",
            "`input` is 9007199254740993, which a number in JavaScript does not hold exactly: pass it as a text",
        ),
        ("[1,{\"total\":18446744073709551615}]", "`input[1].total` is 18446744073709551615"),
        ("{ \"a b\" : [-9007199254740993] }", "`input[\"a b\"][0]` is -9007199254740993"),
    ] {
        let answer = host.execute_tool("p", "texts", ToolCall::new(lost)).await.unwrap();
        let error = answer.error.unwrap_or_default();
        assert!(error.contains(told), "{lost}: {error}");
    }
    let answer = host.execute_tool("p", "nested", ToolCall::new("{}")).await.unwrap();
    let error = answer.error.unwrap_or_default();
    assert!(error.contains("`result` is 18446744073709551615"), "{error}");
    assert!(error.contains("let `p/give` give it as a text"), "{error}");
}
