using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Service.Tests.Curations;

/// <summary>
/// The published JSON schema of CycloneDX 1.6, with every format that it names, as the npm package of CycloneDX's own library holds it.
/// </summary>
internal static class CycloneDxSchema
{
    private static readonly NodeScript Validate = new("Scanner.Service.Tests/Curations/schemas", "validate.js");
    private static readonly NodeScript Parse = new("Scanner.Service.Tests/Curations/schemas", "parse.js");

    /// <returns>What is wrong with a document; <c>null</c> in JSON for nothing.</returns>
    public static Task<string> ValidateAsync(string document) => Validate.RunAsync(document.ReplaceLineEndings(" "));

    /// <summary>Reads package URLs and licence expressions with parsers of others, from npm.</summary>
    /// <param name="parts"><c>purls</c> with what each must be read as, and <c>licenses</c>.</param>
    /// <returns>What is wrong, as a JSON array.</returns>
    public static Task<string> ParseAsync(string parts) => Parse.RunAsync(parts.ReplaceLineEndings(" "));
}
