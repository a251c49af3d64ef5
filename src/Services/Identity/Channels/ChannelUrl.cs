using System.ComponentModel.DataAnnotations;

using EnvPlatform.Contracts.Masking;
using EnvPlatform.ServiceDefaults;
using EnvPlatform.ServiceDefaults.Prefixes;

namespace EnvPlatform.Identity.Channels;

/// <summary>
/// The address of a channel (http, https or file) without credentials: no token in the path, no user before the host, no query. The message
/// does not repeat what was given.
/// </summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Parameter)]
internal sealed class ChannelUrlAttribute() : ValidationAttribute(
    "Must be an address (http, https or file) of at most 1,000 characters without credentials, query and fragment.")
{
    public override bool IsValid(object? value) => value is null or ""
        || (value is string { Length: <= 1_000 } text && !PlainText.HoldsControl(text)
            && Uri.TryCreate(text.Trim(), UriKind.Absolute, out var url) && url.Scheme is "http" or "https" or "file"
            && url.UserInfo.Length == 0 && url.Query.Length == 0 && url.Fragment.Length == 0
            && Secrets.Masked(text) == text);
}

/// <summary>Other names of a channel: at most 20, each as a name in a log, without credentials.</summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Parameter)]
internal sealed class ChannelAliasesAttribute() : ValidationAttribute(
    $"Must be at most {Most} names of 1 to {ChannelNameAttribute.Longest} characters without credentials and control characters.")
{
    private const int Most = 20;

    public override bool IsValid(object? value) =>
        value is null
        || (value is IReadOnlyCollection<string> { Count: <= Most } aliases && aliases.All(ChannelNameAttribute.IsChannelName));
}

/// <summary>The name of a channel, as long as packages may name it, without credentials.</summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Parameter)]
internal sealed class ChannelNameAttribute() : ValidationAttribute(
    $"Must have 1 to {Longest} characters beside white space around them, and neither control characters, bars (|) nor credentials.")
{
    /// <summary>Characters of a package's channel at most.</summary>
    public const int Longest = 255;

    public override bool IsValid(object? value) => value is null || IsChannelName(value as string);

    public static bool IsChannelName(string? text) =>
        text is not null && UnicodeForm.IsWellFormed(text) && !PlainText.HoldsControl(text)
        && ResourceNameAttribute.Normalize(text).Length is >= 1 and <= Longest && !text.Contains('|', StringComparison.Ordinal)
        && Secrets.Masked(text) == text;
}
