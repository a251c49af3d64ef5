using System.Runtime.CompilerServices;
using System.Text;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>A text with holes that are filled when the application runs, written as an interpolated string.</summary>
public sealed class ReferenceExpression : IManifestExpressionProvider, IValueProvider
{
    private readonly CompositeFormat format;
    private readonly IValueProvider[] providers;

    private ReferenceExpression(string format, IValueProvider[] providers, string[] manifestExpressions)
    {
        Format = format;
        this.format = CompositeFormat.Parse(format);
        this.providers = providers;
        ValueExpression = string.Format(null, this.format, (object[])manifestExpressions);
    }

    public string Format { get; }
    public IReadOnlyList<IValueProvider> ValueProviders => providers;
    public string ValueExpression { get; }

    public static ReferenceExpression Create(in ExpressionInterpolatedStringHandler handler) => handler.Build();

    public async ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default)
    {
        var values = new object?[providers.Length];
        for (var i = 0; i < values.Length; i++)
            values[i] = await providers[i].GetValueAsync(cancellationToken);

        return string.Format(null, format, values);
    }

    [InterpolatedStringHandler]
    public readonly ref struct ExpressionInterpolatedStringHandler
    {
        private readonly StringBuilder format;
        private readonly List<IValueProvider> providers = [];
        private readonly List<string> expressions = [];

        public ExpressionInterpolatedStringHandler(int literalLength, int formattedCount) =>
            format = new StringBuilder(literalLength + formattedCount * 4);

        public void AppendLiteral(string value) => format.Append(value.Replace("{", "{{").Replace("}", "}}"));

        public void AppendFormatted(string? value) => AppendLiteral(value ?? "");

        public void AppendFormatted<T>(T valueProvider) where T : IValueProvider, IManifestExpressionProvider
        {
            format.Append('{').Append(providers.Count).Append('}');
            providers.Add(valueProvider);
            expressions.Add(valueProvider.ValueExpression);
        }

        public void AppendFormatted<T>(IResourceBuilder<T> valueProvider) where T : IResource, IValueProvider, IManifestExpressionProvider =>
            AppendFormatted(valueProvider.Resource);

        internal ReferenceExpression Build() => new(format.ToString(), [.. providers], [.. expressions]);
    }
}
