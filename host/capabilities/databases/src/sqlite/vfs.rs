//! `SQLite`'s way to files, as it is but for one thing: a path stays as it was given.
//! Its own resolves links in it, and so would open what a folder's name says by then
//! instead of the folder that was checked. It never follows a file's own link.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::{null, null_mut};
use std::sync::{Arc, OnceLock};

use libsqlite3_sys as ffi;
use sqlx::sqlite::LockedSqliteHandle;

use crate::sqlite::file::Place;

/// The name to open databases with.
pub(super) const NAME: &str = "distri";
const C_NAME: &CStr = c"distri";

/// Makes it known to `SQLite`.
///
/// # Errors
///
/// When `SQLite` has no files at all.
pub(super) fn register() -> Result<(), sqlx::Error> {
    static DONE: OnceLock<bool> = OnceLock::new();
    let done = DONE.get_or_init(|| {
        // SAFETY: `SQLite` may be initialised any number of times; the default VFS is
        // there for as long as the process, and so is a copy of it that is leaked. Its
        // functions use what the copy has, too: the data of the VFS, and its lengths.
        unsafe {
            if ffi::sqlite3_initialize() != ffi::SQLITE_OK {
                return false;
            }
            let own = ffi::sqlite3_vfs_find(null());
            let Some(own) = own.as_ref() else { return false };
            let vfs = Box::leak(Box::new(*own));
            vfs.zName = C_NAME.as_ptr();
            vfs.pNext = null_mut();
            vfs.xFullPathname = Some(as_given);
            ffi::sqlite3_vfs_register(vfs, 0) == ffi::SQLITE_OK
        }
    });
    if *done { Ok(()) } else { Err(sqlx::Error::Configuration("SQLite has no files".into())) }
}

/// The path as it was given; it is absolute.
unsafe extern "C" fn as_given(
    _: *mut ffi::sqlite3_vfs,
    path: *const c_char,
    length: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: `SQLite` passes a text, and room for so many bytes.
    unsafe {
        let bytes = CStr::from_ptr(path).to_bytes_with_nul();
        if usize::try_from(length).is_ok_and(|room| bytes.len() <= room) {
            out.copy_from_nonoverlapping(bytes.as_ptr().cast(), bytes.len());
            ffi::SQLITE_OK
        } else {
            ffi::SQLITE_CANTOPEN
        }
    }
}

/// Whether the file that a connection has open is still the one of its name.
pub(super) fn is_in_place(handle: &mut LockedSqliteHandle<'_>) -> bool {
    let mut moved: c_int = 0;
    // SAFETY: the connection is open and locked; this control writes a number.
    let code = unsafe {
        ffi::sqlite3_file_control(
            handle.as_raw_handle().as_ptr(),
            c"main".as_ptr(),
            ffi::SQLITE_FCNTL_HAS_MOVED,
            (&raw mut moved).cast::<c_void>(),
        )
    };
    code == ffi::SQLITE_OK && moved == 0
}

/// Keeps a database's folder open until its connection is closed, and its files are: they
/// are named by the folder's descriptor. The driver may close one long after everybody has
/// forgotten it; what `SQLite` drops last is a connection's functions.
pub(super) fn keep(
    handle: &mut LockedSqliteHandle<'_>,
    place: Arc<Place>,
) -> Result<(), sqlx::Error> {
    unsafe extern "C" fn nothing(
        _: *mut ffi::sqlite3_context,
        _: c_int,
        _: *mut *mut ffi::sqlite3_value,
    ) {
    }
    unsafe extern "C" fn forget(place: *mut c_void) {
        // SAFETY: it is the one that was given away below, and this is called once.
        drop(unsafe { Arc::from_raw(place.cast::<Place>().cast_const()) });
    }
    let place = Arc::into_raw(place).cast_mut().cast::<c_void>();
    // SAFETY: the connection is open and locked. `forget` is called when it fails, too.
    let code = unsafe {
        ffi::sqlite3_create_function_v2(
            handle.as_raw_handle().as_ptr(),
            c"distri_place".as_ptr(),
            0,
            ffi::SQLITE_UTF8,
            place,
            Some(nothing),
            None,
            None,
            Some(forget),
        )
    };
    if code == ffi::SQLITE_OK {
        Ok(())
    } else {
        Err(sqlx::Error::Configuration("SQLite takes no function".into()))
    }
}
