namespace EnvPlatform.Scanner.Service.Tests.Curations;

/// <summary>
/// The published JSON schema of CycloneDX 1.6, with every format that it names, as the npm package of CycloneDX's own library holds it.
/// </summary>
internal static class CycloneDxSchema
{
    private static readonly NodeScript Validate = new("Curations/schemas", "validate.js");

    /// <returns>What is wrong with a document; <c>null</c> in JSON for nothing.</returns>
    public static Task<string> ValidateAsync(string document) => Validate.RunAsync(document.ReplaceLineEndings(" "));
}
