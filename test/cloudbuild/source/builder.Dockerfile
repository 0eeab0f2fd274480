FROM demo/base
COPY hello.txt /hello.txt
