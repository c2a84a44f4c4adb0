//! How long a step takes whose replicas hang on one chief: a small simulation of who computes and what goes through the chief's
//! port, event by event.

/// What a step costs, whatever it goes through.
#[derive(Debug, Clone, Copy)]
pub struct Costs {
    /// Seconds that a replica computes whatever its rows, and for each of them.
    pub fixed: f64,
    pub per_row: f64,
    /// Seconds that the chief and a worker each spend to serve one another.
    pub serving: f64,
    /// Bytes of the weights, as of their gradients, and of those the one that goes by itself.
    pub weights: f64,
    pub early: f64,
    pub row: f64,
}

/// Where it runs.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Seconds one way.
    pub delay: f64,
    /// Bytes a second of the chief's port, each way.
    pub rate: f64,
    /// Processors that all replicas share; infinitely many where each has its own.
    pub processors: f64,
}

/// When the gradient of the dense layer is there, as a share of computing: both convolutions' are still to come.
const EARLY: f64 = 0.6;

impl Costs {
    /// Seconds that one replica alone takes.
    pub fn alone(&self, rows: f64) -> f64 {
        self.fixed + self.per_row * rows
    }

    /// Seconds of a step of `rows` in all, on a star.
    pub fn star(&self, place: Place, replicas: u32, rows: f64) -> f64 {
        let own_rows = (rows / f64::from(replicas)).ceil();
        let computing = self.alone(own_rows) * (f64::from(replicas) / place.processors).max(1.0);
        let workers = replicas - 1;
        let mut end = computing + self.serving * f64::from(workers);
        // Told to begin, a worker asks for what it takes.
        let mut outwards = 2.0 * place.delay;
        let mut gradients = Vec::new();
        for _ in 0..workers {
            outwards += (self.weights + own_rows * self.row) / place.rate;
            let begun = outwards + place.delay + self.serving;
            gradients.push((begun + EARLY * computing + place.delay, self.early));
            gradients.push((begun + computing + place.delay, self.weights - self.early));
        }
        gradients.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut inwards = 0.0_f64;
        for (there, bytes) in gradients {
            inwards = inwards.max(there) + bytes / place.rate;
            end = end.max(inwards + self.serving);
        }
        end
    }

    /// A bound for a ring, around which gradients go while every replica keeps the weights and has its rows: serving costs
    /// nothing.
    pub fn ring(&self, place: Place, replicas: u32, rows: f64) -> f64 {
        let replicas = f64::from(replicas);
        let hops = 2.0 * (replicas - 1.0);
        self.alone((rows / replicas).ceil()) + hops * (place.delay + self.weights / replicas / place.rate)
    }

    /// The costs of serving with which a step on a star takes so many seconds.
    pub fn served_for(mut self, place: Place, replicas: u32, rows: f64, seconds: f64) -> Self {
        let [mut low, mut high] = [0.0, seconds];
        for _ in 0..50 {
            self.serving = f64::midpoint(low, high);
            let bound = if self.star(place, replicas, rows) < seconds { &mut low } else { &mut high };
            *bound = self.serving;
        }
        self
    }
}
