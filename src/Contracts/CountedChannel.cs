namespace EnvPlatform.Contracts;

/// <summary>A channel as packages in logs name it, and how much of it an organization's environments hold.</summary>
/// <param name="Environments">That hold at least one package of it, archived ones too.</param>
/// <param name="Packages">Different packages of it that they hold: name, version, build and platform.</param>
/// <param name="FirstSeenAt">When it was first counted.</param>
public sealed record CountedChannel(string Name, long Environments, long Packages, DateTimeOffset FirstSeenAt);
