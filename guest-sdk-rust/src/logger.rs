//! The bridge from the `log` crate to the host's log.

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::LogLevel;

struct Bridge;

impl Log for Bridge {
    fn enabled(&self, _: &Metadata) -> bool {
        true
    }

    fn log(&self, record: &Record) {
        let level = match record.level() {
            Level::Trace => LogLevel::Trace,
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        crate::log(level, &record.args().to_string());
    }

    fn flush(&self) {}
}

/// Sends what `log::info!` and the like write to the host's log. Call it at the
/// beginning of a tool; again is no fault. Events of `tracing` come along where
/// that crate's feature `log` is on.
pub fn init_log() {
    if log::set_logger(&Bridge).is_ok() {
        log::set_max_level(LevelFilter::Trace);
    }
}
