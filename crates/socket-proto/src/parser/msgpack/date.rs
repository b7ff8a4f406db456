//! Dates: what a client that speaks JSON would have sent for them.

use std::io::{self, Write};

const DAY: i64 = 86_400_000;

/// The last millisecond that a `Date` can be, before 1970 as behind it.
///
/// Spec: ECMA-262, "Time Values and Time Range".
const LAST: i64 = 100_000_000 * DAY;

/// Milliseconds since 1970 of MessagePack's own timestamp, of 4, 8 or 12 bytes; none of what is no time.
///
/// Spec: <https://github.com/msgpack/msgpack/blob/master/spec.md#timestamp-extension-type>
pub(super) fn timestamp(bytes: &[u8]) -> Option<i64> {
    const SECONDS_BITS: u32 = 34;
    let (seconds, nanoseconds) = match bytes.len() {
        4 => (u32::from_be_bytes(bytes.try_into().ok()?).into(), 0),
        8 => {
            let both = u64::from_be_bytes(bytes.try_into().ok()?);
            ((both & ((1 << SECONDS_BITS) - 1)) as i64, both >> SECONDS_BITS)
        }
        _ => {
            let (nanoseconds, seconds) = bytes.split_first_chunk()?;
            (i64::from_be_bytes(seconds.try_into().ok()?), u32::from_be_bytes(*nanoseconds).into())
        }
    };
    if nanoseconds > 999_999_999 {
        return None;
    }
    seconds.checked_mul(1000)?.checked_add((nanoseconds / 1_000_000) as i64)
}

/// Writes what `JSON.stringify` writes for a `Date`: its `toISOString`, or `null` if it is none.
pub(super) fn write(milliseconds: Option<i64>, out: &mut Vec<u8>) -> io::Result<()> {
    let Some(milliseconds) = milliseconds.filter(|time| (-LAST..=LAST).contains(time)) else {
        return out.write_all(b"null");
    };
    let (year, month, day) = civil(milliseconds.div_euclid(DAY));
    match year {
        0..=9999 => write!(out, "\"{year:04}")?,
        _ => write!(out, "\"{year:+07}")?,
    }
    let (seconds, milliseconds) = (milliseconds.rem_euclid(DAY) / 1000, milliseconds.rem_euclid(1000));
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    write!(out, "-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{milliseconds:03}Z\"")
}

/// Year, month and day of a day counted from 1970-01-01.
///
/// Counts in eras of 400 years, which all have as many days, and in years that begin in March, so that the leap day
/// is the last. Spec: <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>
fn civil(days: i64) -> (i64, i64, i64) {
    const ERA: i64 = 146_097;
    let days = days + 719_468;
    let day_of_era = days.rem_euclid(ERA);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = days.div_euclid(ERA) * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(milliseconds: i64) -> String {
        let mut out = Vec::new();
        write(Some(milliseconds), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn dates_are_written_as_javascript_writes_them() {
        // From Node.
        for (milliseconds, iso) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (1_700_000_000_000, "2023-11-14T22:13:20.000Z"),
            (1_709_210_096_789, "2024-02-29T12:34:56.789Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (-2_203_977_600_000, "1900-02-28T00:00:00.000Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
            (253_402_300_800_000, "+010000-01-01T00:00:00.000Z"),
            (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
            (-62_167_219_200_001, "-000001-12-31T23:59:59.999Z"),
            (LAST, "+275760-09-13T00:00:00.000Z"),
            (-LAST, "-271821-04-20T00:00:00.000Z"),
        ] {
            assert_eq!(written(milliseconds), format!("\"{iso}\""));
        }
        for invalid in [LAST + 1, -LAST - 1, i64::MAX, i64::MIN] {
            assert_eq!(written(invalid), "null");
        }
    }

    #[test]
    fn timestamps_have_three_lengths() {
        assert_eq!(timestamp(&[0xff; 4]), Some(4_294_967_295_000));
        let nanoseconds: u64 = 999_999_999;
        let both = nanoseconds << 34 | ((1 << 34) - 1);
        assert_eq!(timestamp(&both.to_be_bytes()), Some(17_179_869_183_999));
        let negative = [&[0x3b, 0x9a, 0xc9, 0xff][..], &(-1_i64).to_be_bytes()].concat();
        assert_eq!(timestamp(&negative), Some(-1));
        assert_eq!(timestamp(&[0xff; 8]), None, "more than a second of nanoseconds");
        let far = [&[0; 4][..], &i64::MAX.to_be_bytes()].concat();
        assert_eq!(timestamp(&far), None, "beyond 64 bits of milliseconds");
    }
}
