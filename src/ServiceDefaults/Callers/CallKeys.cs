using System.Collections.Frozen;

using Microsoft.Extensions.Configuration;

namespace EnvPlatform.ServiceDefaults.Callers;

/// <summary>
/// The keys of one service: <c>IncomingKeys:CALLER</c> for each service that may call it, <c>OutgoingKeys:CALLEE</c> for each that it
/// calls. It holds no other, so it can neither speak for another service nor accept a call that was meant for another.
/// </summary>
public sealed class CallKeys
{
    private readonly FrozenDictionary<string, CallKey> _incoming;
    private readonly FrozenDictionary<string, CallKey> _outgoing;

    public CallKeys(IEnumerable<CallKey> incoming, IEnumerable<CallKey> outgoing)
    {
        _incoming = incoming.ToFrozenDictionary(key => key.Caller, StringComparer.Ordinal);
        _outgoing = outgoing.ToFrozenDictionary(key => key.Callee, StringComparer.Ordinal);
    }

    /// <param name="service">The service whose settings these are.</param>
    public static CallKeys From(IConfiguration configuration, string service)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return new(
            Given("IncomingKeys").Select(key => new CallKey(key.Key, service, key.Value)),
            Given("OutgoingKeys").Select(key => new CallKey(service, key.Key, key.Value)));

        IEnumerable<(string Key, string Value)> Given(string section) =>
            configuration.GetSection(section).GetChildren()
                .Where(key => key.Value is { Length: > 0 }).Select(key => (key.Key.ToLowerInvariant(), key.Value!));
    }

    /// <summary>The key with which <paramref name="caller"/> signs its calls to this service; null when it may not call.</summary>
    public CallKey? Incoming(ReadOnlySpan<char> caller) =>
        _incoming.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(caller, out var key) ? key : null;

    /// <summary>The key for this service's calls to <paramref name="callee"/>.</summary>
    /// <exception cref="InvalidOperationException">The setting is missing.</exception>
    public CallKey Outgoing(string callee) =>
        _outgoing.GetValueOrDefault(callee) ?? throw new InvalidOperationException($"The setting OutgoingKeys:{callee} is missing.");
}
