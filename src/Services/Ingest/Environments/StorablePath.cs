using System.ComponentModel.DataAnnotations;
using System.Text;

namespace EnvPlatform.Ingest.Environments;

/// <summary>A path that is not blank, holds no control character and fits an index of PostgreSQL: at most 2,000 bytes in UTF-8.</summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Parameter)]
internal sealed class StorablePathAttribute() : ValidationAttribute("Must be a path of at most 2000 bytes without control characters.")
{
    private const int MaxBytes = 2_000;

    public override bool IsValid(object? value) =>
        value is null || (value is string path && !string.IsNullOrWhiteSpace(path) && !path.Any(char.IsControl)
            && Encoding.UTF8.GetByteCount(path) <= MaxBytes);
}
