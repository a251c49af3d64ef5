using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace EnvPlatform.Agent.Collectors;

/// <summary>Loads YAML whose nesting is bounded: loading is recursive, and an overflow of the stack ends the process.</summary>
internal static class BoundedYaml
{
    private const int Deepest = 100;

    /// <exception cref="YamlException">The text is not YAML, or is nested too deeply.</exception>
    public static YamlStream Load(string text)
    {
        var parser = new Parser(new StringReader(text));
        var depth = 0;
        while (parser.MoveNext())
        {
            depth += parser.Current switch
            {
                SequenceStart or MappingStart => 1,
                SequenceEnd or MappingEnd => -1,
                _ => 0,
            };
            if (depth > Deepest)
            {
                throw new YamlException(parser.Current!.Start, parser.Current.End, $"It is nested more than {Deepest} levels deep.");
            }
        }

        var yaml = new YamlStream();
        yaml.Load(new StringReader(text));
        return yaml;
    }
}
