use std::future::IntoFuture;

use crate::{Bulkhead, Core, Full, Outcome, Permit, Pointer, StaticBulkhead};

impl<P: Pointer + Clone> Bulkhead<P> {
    /// Runs `f` in a place of this bulkhead, or refuses at once.
    ///
    /// `f` is called only when there is room. To wait for room, [`acquire`](Self::acquire) first. For an adaptive
    /// limit an `Ok` is a success and an `Err` says nothing; who knows better holds the permit himself.
    ///
    /// # Errors
    ///
    /// [`Full`] as an `E`, or what `f` gives.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops what `f` gave and then makes room.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_bulkhead::{Bulkhead, Full};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Bulkhead::builder().limit(4).build("postgres")?;
    /// let rows = pool.run(async || Ok::<_, Full>(3)).await?;
    /// assert_eq!((rows, pool.in_flight()), (3, 0));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn run<F, T, E>(&self, f: impl FnOnce() -> F) -> Result<T, E>
    where
        F: IntoFuture<Output = Result<T, E>>,
        E: From<Full>,
    {
        let permit = self.try_acquire()?;
        within(permit, f()).await
    }

    /// Runs `f` on this thread in a place of this bulkhead, or refuses at once.
    ///
    /// # Errors
    ///
    /// [`Full`] as an `E`, or what `f` gives.
    ///
    /// # Examples
    ///
    /// ```
    /// use maestro_bulkhead::{Bulkhead, Full};
    ///
    /// let disk = Bulkhead::builder().limit(4).build("disk")?;
    /// let read = disk.run_blocking(|| Ok::<_, Full>("a file"));
    /// assert_eq!(read?, "a file");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run_blocking<T, E>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<T, E>
    where
        E: From<Full>,
    {
        let permit = self.try_acquire()?;
        settle(permit, f())
    }
}

impl StaticBulkhead {
    /// Runs `f` in a place of this bulkhead, or refuses at once, as [`Bulkhead::run`] does.
    ///
    /// # Errors
    ///
    /// [`Full`] as an `E`, or what `f` gives.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops what `f` gave and then makes room.
    pub async fn run<F, T, E>(&'static self, f: impl FnOnce() -> F) -> Result<T, E>
    where
        F: IntoFuture<Output = Result<T, E>>,
        E: From<Full>,
    {
        let permit: Permit<&'static Core> = self.try_acquire()?;
        within(permit, f()).await
    }

    /// Runs `f` on this thread in a place of this bulkhead, or refuses at once.
    ///
    /// # Errors
    ///
    /// [`Full`] as an `E`, or what `f` gives.
    pub fn run_blocking<T, E>(&'static self, f: impl FnOnce() -> Result<T, E>) -> Result<T, E>
    where
        E: From<Full>,
    {
        let permit = self.try_acquire()?;
        settle(permit, f())
    }
}

/// The call is dropped before its place is given away, as it may still hold a connection.
async fn within<P: Pointer, F, T, E>(permit: Permit<P>, call: F) -> Result<T, E>
where
    F: IntoFuture<Output = Result<T, E>>,
{
    let result = call.into_future().await;
    settle(permit, result)
}

fn settle<P: Pointer, T, E>(permit: Permit<P>, result: Result<T, E>) -> Result<T, E> {
    permit.finish(if result.is_ok() {
        Outcome::Success
    } else {
        Outcome::Ignored
    });
    result
}
