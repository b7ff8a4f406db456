//! Numbers as JavaScript reads and writes them.

use std::fmt::{self, Write as _};
use std::io;

/// A number from JSON text: exact where 64 bits can hold it, else the nearest double, or infinity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Parsed {
    Unsigned(u64),
    /// Below zero.
    Signed(i64),
    Float(f64),
}

/// Reads a number that was scanned.
pub(crate) fn parse(text: &str) -> Parsed {
    if let Ok(unsigned) = text.parse() {
        return Parsed::Unsigned(unsigned);
    }
    match text.parse() {
        // `-0` is a double in JavaScript, and not the same as 0.
        Ok(signed) if signed != 0 => Parsed::Signed(signed),
        _ => Parsed::Float(parse_float(text)),
    }
}

/// Reads a number that was scanned, as a double: beyond its range infinity.
pub(crate) fn parse_float(text: &str) -> f64 {
    text.parse().unwrap_or(f64::NAN)
}

/// The integer that a double is, if it is one and 64 bits hold it.
pub(crate) fn integral(float: f64) -> Option<Parsed> {
    // 2^63 and 2^64, which are doubles; the greatest integers below them are not.
    const SIGNED_END: f64 = 9_223_372_036_854_775_808.0;
    const UNSIGNED_END: f64 = 18_446_744_073_709_551_616.0;
    if float.trunc() != float {
        return None;
    }
    if (0.0..UNSIGNED_END).contains(&float) {
        return Some(Parsed::Unsigned(float as u64));
    }
    (-SIGNED_END..0.0).contains(&float).then_some(Parsed::Signed(float as i64))
}

/// Writes what `JSON.stringify` writes for a double: `null` for what is not finite, no fraction where there
/// is none, an exponent from 1e21 up and from 1e-7 down.
pub(crate) fn write_double<W: io::Write + ?Sized>(float: f64, out: &mut W) -> io::Result<()> {
    /// Below it every integer is a double.
    const EXACT_END: f64 = 9_007_199_254_740_992.0;
    if float.trunc() == float && float.abs() < EXACT_END {
        out.write_all(itoa::Buffer::new().format(float as i64).as_bytes())
    } else if float.is_finite() {
        write_shortest(format_args!("{float:e}"), out)
    } else {
        out.write_all(b"null")
    }
}

/// The same, save that an infinity stays one: a number beyond a double, which [`parse`] and `JSON.parse` take for it.
pub(crate) fn write_with_infinity<W: io::Write + ?Sized>(float: f64, out: &mut W) -> io::Result<()> {
    match float {
        f64::INFINITY => out.write_all(b"1e999"),
        f64::NEG_INFINITY => out.write_all(b"-1e999"),
        other => write_double(other, out),
    }
}

/// [`write_double`] for a single: its own shortest digits, so that 0.1 stays 0.1.
pub(crate) fn write_single<W: io::Write + ?Sized>(float: f32, out: &mut W) -> io::Result<()> {
    if float.is_finite() && float != 0.0 {
        write_shortest(format_args!("{float:e}"), out)
    } else {
        write_double(f64::from(float), out)
    }
}

/// What `String(number)` gives in JavaScript.
pub(crate) fn to_javascript_string(float: f64) -> String {
    match float {
        f64::INFINITY => return "Infinity".into(),
        f64::NEG_INFINITY => return "-Infinity".into(),
        other if other.is_nan() => return "NaN".into(),
        _ => {}
    }
    let mut text = Vec::new();
    write_double(float, &mut text).expect("a Vec takes what is written");
    String::from_utf8(text).expect("digits, a sign, a point and an exponent are ASCII")
}

/// Digits and exponent of Rust's shortest form, such as `-1.25e-7`, laid out by the rules of ECMA-262,
/// "Number::toString".
fn write_shortest<W: io::Write + ?Sized>(scientific: fmt::Arguments<'_>, out: &mut W) -> io::Result<()> {
    let mut buffer = Short::default();
    buffer.write_fmt(scientific).expect("a double's shortest form has at most 24 characters");
    let text = &buffer.bytes[..buffer.length];
    let text = match text.strip_prefix(b"-") {
        Some(rest) => {
            out.write_all(b"-")?;
            rest
        }
        None => text,
    };
    let exponent_at = text.iter().position(|byte| *byte == b'e').expect("the form has an exponent");
    let exponent =
        std::str::from_utf8(&text[exponent_at + 1..]).ok().and_then(|digits| digits.parse::<i32>().ok());
    let exponent = exponent.expect("the exponent is a small integer");
    let (whole, fraction) = (&text[..1], text.get(2..exponent_at).unwrap_or(b""));
    let digits = fraction.len() as i32 + 1;
    // ECMA-262's n: where the point stands, counted from the first digit.
    let point = exponent + 1;
    let zeros = |count: i32| &b"00000000000000000000"[..count as usize];
    match point {
        1..=21 if digits <= point => {
            out.write_all(whole)?;
            out.write_all(fraction)?;
            out.write_all(zeros(point - digits))
        }
        1..=21 => {
            let (before, after) = fraction.split_at(point as usize - 1);
            out.write_all(whole)?;
            out.write_all(before)?;
            out.write_all(b".")?;
            out.write_all(after)
        }
        -5..=0 => {
            out.write_all(b"0.")?;
            out.write_all(zeros(-point))?;
            out.write_all(whole)?;
            out.write_all(fraction)
        }
        _ => {
            out.write_all(whole)?;
            if !fraction.is_empty() {
                out.write_all(b".")?;
                out.write_all(fraction)?;
            }
            out.write_all(if exponent < 0 { b"e" } else { b"e+" })?;
            out.write_all(itoa::Buffer::new().format(exponent).as_bytes())
        }
    }
}

/// Text on the stack.
#[derive(Default)]
struct Short {
    bytes: [u8; 32],
    length: usize,
}

impl fmt::Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(float: f64) -> String {
        let mut out = Vec::new();
        write_double(float, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn doubles_are_written_as_javascript_writes_them() {
        for (float, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-1.0, "-1"),
            (1.5, "1.5"),
            (0.1, "0.1"),
            (-0.1, "-0.1"),
            (100.0, "100"),
            (123.456, "123.456"),
            (1e21, "1e+21"),
            (1.5e21, "1.5e+21"),
            (-1e21, "-1e+21"),
            (1e20, "100000000000000000000"),
            (123456789012345680000.0, "123456789012345680000"),
            (9007199254740991.0, "9007199254740991"),
            (9007199254740992.0, "9007199254740992"),
            (9007199254740993.5, "9007199254740994"),
            (1e-6, "0.000001"),
            (1.5e-6, "0.0000015"),
            (1e-7, "1e-7"),
            (1.25e-7, "1.25e-7"),
            (5e-324, "5e-324"),
            (1.7976931348623157e308, "1.7976931348623157e+308"),
            (4294967296.5, "4294967296.5"),
            (f64::NAN, "null"),
            (f64::INFINITY, "null"),
            (f64::NEG_INFINITY, "null"),
            (0.000123, "0.000123"),
            (1234567890123456.7, "1234567890123456.8"),
        ] {
            assert_eq!(written(float), text);
        }
    }

    #[test]
    fn a_single_keeps_its_own_digits() {
        for (float, text) in
            [(0.1_f32, "0.1"), (-0.0, "0"), (1.0, "1"), (16777216.0, "16777216"), (f32::NAN, "null")]
        {
            let mut out = Vec::new();
            write_single(float, &mut out).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn an_infinity_may_stay_one() {
        for float in [f64::INFINITY, f64::NEG_INFINITY, 1.5] {
            let mut out = Vec::new();
            write_with_infinity(float, &mut out).unwrap();
            assert_eq!(parse(std::str::from_utf8(&out).unwrap()), Parsed::Float(float));
        }
    }

    #[test]
    fn numbers_are_exact_where_64_bits_hold_them() {
        assert_eq!(parse("18446744073709551615"), Parsed::Unsigned(u64::MAX));
        assert_eq!(parse("-9223372036854775808"), Parsed::Signed(i64::MIN));
        assert_eq!(parse("18446744073709551616"), Parsed::Float(18446744073709551616.0));
        assert_eq!(parse("1e999"), Parsed::Float(f64::INFINITY));
        assert_eq!(parse("-1e999"), Parsed::Float(f64::NEG_INFINITY));
        assert!(matches!(parse("-0"), Parsed::Float(zero) if zero.is_sign_negative()));
    }

    #[test]
    fn a_double_without_a_fraction_is_an_integer() {
        assert_eq!(integral(3.0), Some(Parsed::Unsigned(3)));
        assert_eq!(integral(-3.0), Some(Parsed::Signed(-3)));
        assert_eq!(integral(-0.0), Some(Parsed::Unsigned(0)));
        assert_eq!(integral(0.5), None);
        assert_eq!(integral(18446744073709551616.0), None);
        assert_eq!(integral(-9223372036854775808.0), Some(Parsed::Signed(i64::MIN)));
        assert_eq!(integral(f64::INFINITY), None);
        assert_eq!(integral(f64::NAN), None);
    }

    #[test]
    fn a_number_as_a_name_is_what_javascript_makes_of_it() {
        for (json, name) in [
            ("1.0", "1"),
            ("1e3", "1000"),
            ("-0", "0"),
            ("1e999", "Infinity"),
            ("-1e999", "-Infinity"),
            ("42", "42"),
        ] {
            assert_eq!(to_javascript_string(parse_float(json)), name);
        }
    }
}
