//! What a plugin says, passed on line by line.

use distri_manifest::{ByteSize, is_control};

use crate::frame::{Frame, LogLine};
use crate::{LogLevel, LogRecord};

/// Longest log line that is passed on, in bytes.
const LOG_LINE: usize = 8 << 10;

/// Passes a plugin's line on, as one line that cannot pose as another, for as
/// long as the call's limits on logging last.
pub fn log(frame: &Frame, level: LogLevel, message: &str) {
    // Nothing is done with what nobody gets.
    if frame.logged.is_full(&frame.limits) {
        return;
    }
    let message = one_line(&frame.hidden().redact_start(message, LOG_LINE), LOG_LINE);
    let (level, message) = match frame.logged.count(message.len(), &frame.limits) {
        LogLine::Pass => (level, message),
        LogLine::Drop => return,
        LogLine::Cut => (
            LogLevel::Warn,
            format!(
                "this call logged more than {} lines or {}; the rest is dropped",
                frame.limits.log_lines,
                ByteSize(frame.limits.log_bytes as u64)
            ),
        ),
    };
    frame.embedder().log(LogRecord {
        level,
        message,
        package: frame.package.name.to_string(),
        call_id: frame.call_id.clone(),
    });
}

/// Escapes control characters and cuts at `max` bytes.
pub fn one_line(message: &str, max: usize) -> String {
    let mut line = String::with_capacity(message.len().min(max));
    for c in message.chars() {
        if line.len() >= max {
            line.push('…');
            break;
        }
        if is_control(c) {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line_stays_one_line() {
        assert_eq!(
            one_line("a\r\nERROR forged\u{1b}[2J", LOG_LINE),
            "a\\r\\nERROR forged\\u{1b}[2J"
        );
        assert!(one_line(&"x".repeat(100_000), LOG_LINE).len() <= LOG_LINE + '…'.len_utf8());
    }
}
