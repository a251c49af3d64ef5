namespace EnvPlatform.Contracts.Messaging;

/// <summary>
/// Which services publish an event and which receive it, by their names. The broker lets no other do so: see <see cref="BrokerRights"/>.
/// </summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class EventAttribute : Attribute
{
    /// <summary>None for every service.</summary>
    public string[] PublishedBy { get; init; } = [];

    public string[] ConsumedBy { get; init; } = [];
}
