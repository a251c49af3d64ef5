using NUnit.Framework;

namespace EnvPlatform.Testing;

/// <summary>Waits for the effects of messages.</summary>
public static class Eventually
{
    /// <summary>A machine of a build farm may be many times slower than the one on which the seconds were chosen.</summary>
    private static readonly int Patience = Environment.GetEnvironmentVariable("CI") is { Length: > 0 } ? 4 : 1;

    /// <summary>Returns the first non-null value of <paramref name="read"/>; fails after <paramref name="seconds"/>.</summary>
    public static async Task<T> GetAsync<T>(Func<Task<T?>> read, string what, int seconds = 20) where T : class
    {
        ArgumentNullException.ThrowIfNull(read);
        var deadline = TimeProvider.System.GetTimestamp() + seconds * Patience * TimeProvider.System.TimestampFrequency;
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
