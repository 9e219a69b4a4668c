//! Calls without tower: a future, or a closure that blocks.

use std::{borrow::Borrow, future::IntoFuture};

use crate::{Call, CircuitBreaker, Core, Open, Outcome, StaticCircuitBreaker};

impl CircuitBreaker {
    /// Makes a call unless the circuit rejects it. `Err` is a failure, and so is a panic.
    ///
    /// `f` is not called when the circuit rejects. Where the result has to be looked at to say what it
    /// means, take [`try_acquire`](Self::try_acquire) and [`Call::finish`].
    ///
    /// # Errors
    ///
    /// What the call returns; [`Open`], as the error type has it, when it was rejected.
    ///
    /// # Cancel safety
    ///
    /// Nothing happens before the first poll. Dropped after it, the call is a cancelled one, see
    /// [`Builder::on_cancel`](crate::Builder::on_cancel).
    ///
    /// # Examples
    ///
    /// ```
    /// # use maestro_circuit_breaker::{CircuitBreaker, State};
    /// # type BoxError = Box<dyn std::error::Error>;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), BoxError> {
    /// let mail = CircuitBreaker::builder().consecutive_failures(1).build("mail")?;
    /// let sent = mail.run(async || Err::<(), BoxError>("refused".into())).await;
    /// assert_eq!(sent.unwrap_err().to_string(), "refused");
    /// assert_eq!(mail.state(), State::Open);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn run<F, T, E>(&self, f: impl FnOnce() -> F) -> Result<T, E>
    where
        F: IntoFuture<Output = Result<T, E>>,
        E: From<Open>,
    {
        let call = self.try_acquire()?;
        ended(call, f().await)
    }

    /// Makes a call that blocks its thread, unless the circuit rejects it. `Err` is a failure, and so is a
    /// panic. Needs no runtime.
    ///
    /// `f` is not called when the circuit rejects.
    ///
    /// # Errors
    ///
    /// What the call returns; [`Open`], as the error type has it, when it was rejected.
    ///
    /// # Examples
    ///
    /// ```
    /// # use maestro_circuit_breaker::{CircuitBreaker, Open};
    /// # let disk = CircuitBreaker::builder().consecutive_failures(1).build("disk")?;
    /// type BoxError = Box<dyn std::error::Error>;
    /// let read = || disk.run_blocking(|| std::fs::read("/no/such/file").map_err(BoxError::from));
    /// assert!(Open::find(read().unwrap_err().as_ref()).is_none());
    /// assert!(Open::find(read().unwrap_err().as_ref()).is_some());
    /// # Ok::<(), BoxError>(())
    /// ```
    pub fn run_blocking<T, E: From<Open>>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let call = self.try_acquire()?;
        ended(call, f())
    }
}

impl StaticCircuitBreaker {
    /// Makes a call unless the circuit rejects it, as [`CircuitBreaker::run`] does.
    ///
    /// # Errors
    ///
    /// What the call returns; [`Open`], as the error type has it, when it was rejected.
    ///
    /// # Cancel safety
    ///
    /// As that of [`CircuitBreaker::run`].
    pub async fn run<F, T, E>(&'static self, f: impl FnOnce() -> F) -> Result<T, E>
    where
        F: IntoFuture<Output = Result<T, E>>,
        E: From<Open>,
    {
        let call = self.try_acquire()?;
        ended(call, f().await)
    }

    /// Makes a call that blocks its thread, as [`CircuitBreaker::run_blocking`] does.
    ///
    /// # Errors
    ///
    /// What the call returns; [`Open`], as the error type has it, when it was rejected.
    pub fn run_blocking<T, E: From<Open>>(
        &'static self,
        f: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let call = self.try_acquire()?;
        ended(call, f())
    }
}

fn ended<P: Borrow<Core>, T, E>(call: Call<P>, result: Result<T, E>) -> Result<T, E> {
    call.finish(match result {
        Ok(_) => Outcome::Success,
        Err(_) => Outcome::Failure,
    });
    result
}
