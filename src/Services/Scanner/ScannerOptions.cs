using System.ComponentModel.DataAnnotations;

using EnvPlatform.Scanner.Mapping;

namespace EnvPlatform.Scanner;

/// <summary>Settings of the scanner, section <c>Scanner</c>.</summary>
public sealed class ScannerOptions
{
    public const string Section = "Scanner";

    /// <summary>Bytes of an import's file as it is sent, at most.</summary>
    [Range(1, 4L << 30)]
    public long MaxImportBytes { get; set; } = 512L << 20;

    /// <summary>Bytes that an import's file unpacks to, at most, whatever its compressed size.</summary>
    [Range(1, 1L << 40)]
    public long MaxUnpackedBytes { get; set; } = 2L << 30;

    /// <summary>
    /// How often an import is started before it fails, when its process dies or its database becomes unavailable each time.
    /// </summary>
    [Range(1, 100)]
    public int MaxImportAttempts { get; set; } = 5;

    /// <summary>Seconds between polls for new advisories and pending imports when no notification arrives.</summary>
    [Range(1, 600)]
    public int PollSeconds { get; set; } = 5;

    /// <summary>Maximum number of environments that are scanned in one transaction.</summary>
    [Range(1, 1_000)]
    public int ScanBatch { get; set; } = 100;

    /// <summary>Lists of packages at most that an instance scans for one organization at a time (<c>POST /scans</c>).</summary>
    [Range(1, 1_000)]
    public int MaxScansAtOnce { get; set; } = 4;

    /// <summary>Findings at most in one answer (<c>POST /scans</c>, upgrades), about 1,000 bytes each.</summary>
    [Range(1, 1_000_000)]
    public int MaxFindings { get; set; } = 20_000;

    /// <summary>Channels that are mirrors of others, so that their packages are taken for the same.</summary>
    public List<ChannelAlias> ChannelAliases { get; } = [];

    internal CondaChannels Channels() =>
        CondaChannels.BuiltIn.With(ChannelAliases.Select(alias => KeyValuePair.Create(alias.Channel, alias.MirrorOf)));

    internal bool AreAliasesValid() => ChannelAliases.TrueForAll(
        alias => alias.Channel.Trim('/').Length > 0 && alias.MirrorOf.Length > 0 && CondaChannels.BuiltIn.Find(alias.MirrorOf).IsKnown);
}

/// <summary>A channel that holds the packages of another.</summary>
public sealed class ChannelAlias
{
    /// <summary>The mirror as in logs: its address without platform folder, token and password.</summary>
    public string Channel { get; set; } = "";

    /// <summary>The channel that it is a mirror of: conda-forge, pkgs/main or another whose names are known.</summary>
    public string MirrorOf { get; set; } = "";
}
