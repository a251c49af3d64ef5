namespace EnvPlatform.Testing;

/// <summary>Ends what a fixture has started, also when it did not start all of it.</summary>
public static class Disposal
{
    /// <summary>One after the other in this order; null is skipped, and a failure does not prevent the rest from ending.</summary>
    /// <exception cref="AggregateException">All failures.</exception>
    public static async Task OfAsync(params IAsyncDisposable?[] started)
    {
        var failures = new List<Exception>();
        foreach (var one in started.OfType<IAsyncDisposable>())
        {
            try
            {
                await one.DisposeAsync();
            }
            catch (Exception exception)
            {
                failures.Add(exception);
            }
        }

        if (failures.Count > 0)
        {
            throw new AggregateException(failures);
        }
    }
}
