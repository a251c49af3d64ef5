using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace EnvPlatform.Agent.Client;

/// <summary>How a call is made.</summary>
/// <param name="Retry">Whether it is retried where that may help (<see cref="RetryPolicy"/>).</param>
/// <param name="Timeout">For the whole call; null for none, where a body of any size is sent.</param>
/// <param name="MayRepeat">Whether a write that took effect may be repeated to get its answer: the second one changes nothing.</param>
internal sealed record CallOptions(bool Retry, TimeSpan? Timeout, bool MayRepeat = false)
{
    public static readonly CallOptions Usual = new(Retry: true, Timeout: TimeSpan.FromSeconds(100));
    public static readonly CallOptions Repeatable = Usual with { MayRepeat = true };
    public static readonly CallOptions Upload = new(Retry: true, Timeout: null);
}

/// <summary>A successful answer.</summary>
/// <param name="Body">As the platform sent it.</param>
/// <param name="FailMode">
/// Of an activation check: what the organization wants where the next one gets no answer, <c>open</c> or <c>closed</c>; null: the last one.
/// </param>
internal sealed record PlatformAnswer(HttpStatusCode Status, byte[] Body, string? FailMode = null)
{
    /// <exception cref="UnreachableException">The body is not what the API promises.</exception>
    public T As<T>(JsonTypeInfo<T> type) => Parsed(body => JsonSerializer.Deserialize(body, type) ?? throw new JsonException());

    /// <summary>The answer of an activation check.</summary>
    /// <exception cref="UnreachableException">The body is not what the API promises.</exception>
    public Activation AsActivation() => Parsed(body => LeanJson.ReadActivation(body));

    private T Parsed<T>(Func<byte[], T> parse)
    {
        try
        {
            return parse(Body);
        }
        catch (JsonException)
        {
            throw new UnreachableException("The answer does not look like one of the platform: check the address ('envplatform status').");
        }
    }
}
