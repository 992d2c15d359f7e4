//! Electricity: from watts inside the case to money.

use super::Case;

impl Case {
    /// Kilowatts at the wall, cooling with them, of watts inside the case.
    pub fn wall_kilowatts(&self, watts: f64) -> f64 {
        watts / self.efficiency * (1.0 + self.cooling) / 1000.0
    }

    /// kWh of a year in which it works some hours a day. It is on as long as it works, or longer.
    pub fn kwh_a_year(&self, hours: f64) -> f64 {
        let idle = (self.on_hours - hours).max(0.0);
        self.days_a_year()
            * (self.wall_kilowatts(self.busy_watts) * hours
                + self.wall_kilowatts(self.idle_watts) * idle)
    }
}
