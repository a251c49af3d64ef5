using NUnit.Framework;

namespace EnvPlatform.Testing;

/// <summary>Waits for what messages bring about.</summary>
public static class Eventually
{
    /// <summary>Returns the first non-null value of <paramref name="read"/>; fails after <paramref name="seconds"/>.</summary>
    public static async Task<T> GetAsync<T>(Func<Task<T?>> read, string what, int seconds = 20) where T : class
    {
        ArgumentNullException.ThrowIfNull(read);
        var deadline = TimeProvider.System.GetTimestamp() + seconds * TimeProvider.System.TimestampFrequency;
        while (TimeProvider.System.GetTimestamp() < deadline)
        {
            if (await read() is { } value)
            {
                return value;
            }

            await Task.Delay(50);
        }

        Assert.Fail($"Did not happen in {seconds} s: {what}");
        throw new InvalidOperationException("Assert.Fail returned.");
    }

    public static async Task BecomesTrueAsync(Func<Task<bool>> condition, string what, int seconds = 20) =>
        await GetAsync(async () => await condition() ? "true" : null, what, seconds);
}
