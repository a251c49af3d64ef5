using System.ComponentModel.DataAnnotations;

using EnvPlatform.ServiceDefaults.Prefixes;

namespace EnvPlatform.ServiceDefaults;

/// <summary>
/// The name that people give to a resource: 1 to 100 characters when spaces around it are gone, in Unicode's composed form (UAX 15, NFC),
/// without control characters.
/// </summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Parameter)]
public sealed class ResourceNameAttribute() : ValidationAttribute("Must have 1 to 100 characters, and more than spaces.")
{
    public const int MaxLength = 100;

    /// <summary>As it is stored and compared.</summary>
    public static string Normalize(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return UnicodeForm.Nfc(name).Trim();
    }

    public override bool IsValid(object? value) =>
        value is null || (value is string name && !PlainText.HoldsControl(name) && Normalize(name).Length is >= 1 and <= MaxLength);
}
