//! The real terminal: raw, on its other screen, without a cursor; given back on every way out.

use super::frame::Frame;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetwinsize, tcsetattr,
};
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

/// Tenths of a second that a read waits for a key (termios(3), VTIME).
const MOMENT: u8 = 2;

/// How the terminal was, until it is given back. A panic's hook finds it here.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Gives the terminal back as it was; nothing where it was not taken.
pub fn restore() {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(before) = before {
        let mut out = io::stdout().lock();
        // Nobody is left to tell where that fails.
        let _ = out.write_all(b"\x1b[?25h\x1b[?1049l");
        let _ = out.flush();
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &before);
    }
}

/// A terminal that is drawn on.
pub struct Terminal {
    shown: Option<Frame>,
    colour: bool,
}

impl Terminal {
    /// Takes it.
    ///
    /// # Errors
    /// When stdin is none.
    pub fn take(colour: bool) -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        // Signals stay: Ctrl-C ends it as everything else. A stopped one would leave the terminal as it is now: no Ctrl-Z.
        raw.local_modes
            .remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::IEXTEN);
        raw.special_codes[SpecialCodeIndex::VSUSP] = 0;
        raw.special_codes[SpecialCodeIndex::VMIN] = 0;
        raw.special_codes[SpecialCodeIndex::VTIME] = MOMENT;
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        let mut terminal = Self {
            shown: None,
            colour,
        };
        terminal
            .send("\x1b[?1049h\x1b[?25l")
            .inspect_err(|_| restore())?;
        tcsetattr(io::stdin(), OptionalActions::Now, &raw).inspect_err(|_| restore())?;
        Ok(terminal)
    }

    /// Columns and rows.
    pub fn size(&self) -> (usize, usize) {
        match tcgetwinsize(io::stdout()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                (usize::from(size.ws_col), usize::from(size.ws_row))
            }
            _ => (80, 24),
        }
    }

    /// Shows a frame; only rows that changed are sent.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub fn show(&mut self, frame: Frame) -> io::Result<()> {
        let sent = frame.since(self.shown.as_ref(), self.colour);
        self.shown = Some(frame);
        self.send(&sent)
    }

    fn send(&mut self, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// Waits for keys a moment; none where nothing was typed. None at all where the terminal is gone.
    pub fn keys(&self) -> Option<Vec<u8>> {
        let mut bytes = [0_u8; 256];
        match rustix::io::read(io::stdin(), &mut bytes) {
            // Nothing was typed, or nobody can type any more.
            Ok(0) => tcgetattr(io::stdin()).ok().map(|_| Vec::new()),
            Ok(count) => Some(bytes[..count].to_vec()),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => Some(Vec::new()),
            Err(_) => None,
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}
